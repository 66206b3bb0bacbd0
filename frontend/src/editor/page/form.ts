// A node's form: reads what people change, and takes what others change, field by field.
import { same, type Json } from "../fields/json";
import { codeOf, controlOf, isComposed, ownPart, ownerOf, setText, showGroup, topField } from "../fields/parts";
import { read } from "../fields/read";
import { onRowAction } from "../fields/rows";
import { setMode, write } from "../fields/write";
import { FormProblems, type Problem } from "./form-problems";

/** A node as its document writes it. */
export interface FormEntry {
  readonly id: string;
  readonly type: string;
  readonly config?: Json;
  readonly [key: string]: Json | undefined;
}

export interface ChangeNote {
  /** Edits of the same group, close together, are one step of undo. */
  readonly group?: string;
  /** What people call the step. */
  readonly label: string;
}

export interface FormHost {
  /** A field has another value; undefined: its key goes. */
  onChange(path: readonly string[], value: Json | undefined, note: ChangeNote): void;
  onRename(to: string): void;
}

const NAME = /^[a-z][a-z0-9_]{0,62}$/;

export class Form {
  readonly problems: FormProblems;
  private readonly said = new Map<string, Json | undefined>();
  private readonly over = new AbortController();
  /** Where a value that is picked from the data goes. */
  private latest: HTMLElement | null = null;

  constructor(
    readonly root: HTMLElement,
    private readonly host: FormHost,
  ) {
    this.problems = new FormProblems(root);
    for (const field of this.fields()) {
      const reading = read(field);
      if ("value" in reading) this.said.set(pathKey(field), reading.value);
    }
    const { signal } = this.over;
    root.addEventListener("input", (event) => this.onInput(event), { signal });
    root.addEventListener("change", (event) => this.onCommitted(event), { signal });
    root.addEventListener("click", (event) => this.onClick(event), { signal });
    root.addEventListener("keydown", (event) => this.onRows(event), { signal });
    root.addEventListener("focusin", (event) => this.onFocus(event), { signal });
  }

  destroy(): void {
    this.over.abort();
  }

  /** Take over a value that came from elsewhere; false: only a new form can show it. */
  update(path: readonly string[], value: Json | undefined): boolean {
    const field = this.fields().find((one) => startsWith(path, pathOf(one)));
    // A path that goes deeper than a field, or less deep, is looked at as a whole by `sync`.
    if (!field || pathOf(field).length !== path.length) return false;
    return this.take(field, value);
  }

  /** Take over all of a node's entry; false: only a new form can show it. */
  sync(entry: FormEntry): boolean {
    return this.fields().every((field) => this.take(field, valueAt(entry, pathOf(field))));
  }

  showProblems(problems: readonly Problem[]): void {
    this.problems.show(problems);
  }

  /** Jump to a field by the path of a problem, such as `fields[0].name`; whether there is one. */
  focusField(path: string): boolean {
    const field = this.problems.find(path);
    if (!field) return false;
    for (let at: Element | null = field; at; at = at.parentElement) {
      if (at instanceof HTMLDetailsElement) at.open = true;
    }
    field.scrollIntoView({ block: "center" });
    focusControl(field);
    return true;
  }

  /** Write a value from the data into the field that was used last. */
  insert(text: string): boolean {
    const field = this.latest?.isConnected ? this.latest : this.firstText();
    if (!field || field.closest("fieldset")?.disabled) return false;
    const byExpression = ownPart(field, "[data-expression]") !== null;
    const isText = field.dataset["kind"] === "text" || field.dataset["kind"] === "json";
    if (byExpression && !isText) setMode(field, "expression");
    const control = controlOf(field, byExpression && !isText ? "expression" : "plain");
    const code = codeOf(control);
    if (code?.insert) {
      code.insert(text);
    } else if (control && !(control instanceof HTMLSelectElement)) {
      control.setRangeText(text, control.selectionStart ?? 0, control.selectionEnd ?? 0, "end");
      control.dispatchEvent(new Event("input", { bubbles: true }));
    }
    focusControl(field);
    return true;
  }

  private fields(): HTMLElement[] {
    return [...this.root.querySelectorAll<HTMLElement>("[data-path]")];
  }

  private firstText(): HTMLElement | undefined {
    return this.fields().find((field) => field.querySelector("flux-code[evaluated]"));
  }

  private take(field: HTMLElement, value: Json | undefined): boolean {
    const key = pathKey(field);
    if (!same(this.said.get(key), value)) {
      this.said.set(key, value);
      this.problems.own(field, "");
      return write(field, value);
    }
    // What cannot be read stays: somebody is about to mend it.
    const now = read(field);
    return "error" in now || write(field, value);
  }

  private onFocus(event: Event): void {
    this.latest = ownerOf(event.target as Element) ?? this.latest;
  }

  private onInput(event: Event): void {
    const control = event.target as HTMLElement;
    // What happens in a code field's own editor comes by its textarea.
    if (!control.matches("[data-control]") || isId(control)) return;
    const owner = ownerOf(control);
    if (owner && "optional" in owner.dataset) showGroup(owner);
    const typed = !control.matches("select, [type=checkbox]");
    this.changed(control, typed);
  }

  /** Another id is told when it is whole: every letter would rename the node. */
  private onCommitted(event: Event): void {
    const control = event.target as HTMLInputElement;
    if (!control.matches("[data-control]") || !isId(control)) return;
    const field = topField(control);
    const name = control.value.trim();
    const wrong = NAME.test(name)
      ? ""
      : "Start with a letter a-z; use only a-z, 0-9 and _ (at most 63 characters).";
    if (field) this.problems.own(field, wrong);
    if (!wrong && name !== this.said.get(JSON.stringify(["id"]))) this.host.onRename(name);
  }

  private onClick(event: Event): void {
    const button = (event.target as Element).closest<HTMLElement>("[data-switch]");
    const field = button && ownerOf(button);
    if (button && field) {
      this.switchMode(field);
      this.changed(field, false);
    } else {
      this.onRows(event);
    }
  }

  private onRows(event: Event): void {
    const field = onRowAction(event);
    if (field) this.changed(field, false);
  }

  private switchMode(field: HTMLElement): void {
    const now = field.dataset["mode"];
    if (field.dataset["kind"] === "json") {
      const control = controlOf(field, "plain");
      const text = control?.value ?? "";
      setMode(field, now === "json" ? "text" : "json");
      if (now === "text" && text && !readable(text)) setText(control, JSON.stringify(text));
      if (now === "json" && isText(text)) setText(control, JSON.parse(text) as string);
    } else if (isComposed(field)) {
      switchComposed(field);
    } else {
      setMode(field, now === "expression" ? "plain" : "expression");
    }
    focusControl(field);
  }

  private changed(inside: Element, typed: boolean): void {
    const field = topField(inside);
    if (!field) return;
    const reading = read(field);
    this.problems.own(field, "error" in reading ? reading.error : "");
    if ("error" in reading || same(this.said.get(pathKey(field)), reading.value)) return;
    this.said.set(pathKey(field), reading.value);
    const label = `Change “${field.dataset["title"] ?? ""}”`;
    const note = typed ? { group: pathKey(field), label } : { label };
    this.host.onChange(pathOf(field), reading.value, note);
  }
}

/** Lists and objects are written as JSON where they are not given by an expression. */
function switchComposed(field: HTMLElement): void {
  const reading = read(field);
  const byExpression = field.dataset["mode"] === "expression";
  // What cannot be read yet is not thrown away.
  if (byExpression && "error" in reading) return;
  const value = "value" in reading ? reading.value : undefined;
  setMode(field, byExpression ? "plain" : "expression");
  if (typeof value !== "object") return;
  if (!byExpression) setText(controlOf(field, "expression"), JSON.stringify(value, null, 2));
  else if (!write(field, value)) setMode(field, "expression");
}

function isId(control: HTMLElement): boolean {
  return topField(control)?.dataset["path"] === '["id"]';
}

function readable(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return /^\{\{[^]*\}\}$/.test(text.trim());
  }
}

function isText(text: string): boolean {
  return /^\s*"/.test(text) && readable(text);
}

function pathKey(field: HTMLElement): string {
  return JSON.stringify(pathOf(field));
}

function pathOf(field: HTMLElement): string[] {
  return JSON.parse(field.dataset["path"] ?? "[]") as string[];
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((step, at) => path[at] === step);
}

function valueAt(entry: FormEntry, path: readonly string[]): Json | undefined {
  let value: Json | undefined = entry as unknown as Json;
  for (const step of path) {
    value = (value as { readonly [key: string]: Json } | undefined)?.[step];
  }
  return value;
}

function focusControl(field: HTMLElement): void {
  const expression = field.dataset["mode"] === "expression";
  const control = controlOf(field, expression ? "expression" : "plain");
  const code = codeOf(control);
  const other = field.querySelector<HTMLElement>("flux-code, input, button");
  (code ?? control ?? other)?.focus();
}
