// The parts of a field's markup (templates/flows/editor/_field.html), found without mixing up
// those of fields inside of it.

/** A text control: a textarea that may be wrapped by a code field, an input, a select. */
export type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** What a code field offers beside its textarea; before its script is there it has none of it. */
export interface CodeField extends HTMLElement {
  setText?(text: string): void;
  insert?(text: string): void;
  build?(): void;
  say?(): void;
  setLanguage?(name: string): void;
}

export function ownerOf(element: Element): HTMLElement | null {
  return element.closest<HTMLElement>("[data-field]");
}

/** The field of the node that an element is in: the outermost one. */
export function topField(element: Element): HTMLElement | null {
  return element.closest<HTMLElement>("[data-path]");
}

export function controlOf(field: HTMLElement, which: "plain" | "expression"): Control | null {
  const found = field.querySelectorAll<Control>(`[data-control="${which}"]`);
  return [...found].find((control) => ownerOf(control) === field) ?? null;
}

export function codeOf(control: Element | null): CodeField | null {
  return control?.closest<CodeField>("flux-code") ?? null;
}

/** The first of a field's own elements that match. */
export function ownPart<T extends HTMLElement>(field: HTMLElement, selector: string): T | null {
  const found = [...field.querySelectorAll<T>(selector)];
  return found.find((part) => ownerOf(part) === field) ?? null;
}

/** The fields right below a group or a row, those that are folded away too. */
export function partsOf(holder: HTMLElement): HTMLElement[] {
  const found = [...holder.querySelectorAll<HTMLElement>("[data-field]")];
  return found.filter((one) => one.parentElement?.closest("[data-field], [data-row]") === holder);
}

/** An optional group's fields are seen where it is there. */
export function showGroup(field: HTMLElement): void {
  const parts = ownPart<HTMLElement>(field, "[data-parts]");
  const box = controlOf(field, "plain") as HTMLInputElement | null;
  if (parts && box) parts.hidden = !box.checked;
}

/** The kinds of controls that are made of others; by an expression they may be JSON too. */
export function isComposed(field: HTMLElement): boolean {
  return ["lines", "rows", "pairs", "group"].includes(field.dataset["kind"] ?? "");
}

export function rowsOf(field: HTMLElement): HTMLElement[] {
  const list = ownPart<HTMLElement>(field, "[data-row-list]");
  return [...(list?.children ?? [])].filter((one): one is HTMLElement => one.matches("[data-row]"));
}

export function setText(control: Control | null, text: string): void {
  if (!control || control.value === text) return;
  control.value = text;
  codeOf(control)?.setText?.(text);
}
