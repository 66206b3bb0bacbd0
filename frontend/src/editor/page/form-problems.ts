// What is wrong with a form's fields, said at each of them: what cannot be read, and what the
// server's validation finds.
import { codeOf, controlOf, ownPart, partsOf, rowsOf, topField } from "../fields/parts";

export interface Problem {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly node: string | null;
  /** Where in the node: `prompt`, `fields[0].name`, `retry.if`; null: the node itself. */
  readonly path: string | null;
  readonly message: string;
}

export class FormProblems {
  private readonly unread = new Map<HTMLElement, string>();
  private listed: readonly Problem[] = [];

  constructor(private readonly root: HTMLElement) {}

  /** Say why a field cannot be read; empty: it can be again. */
  own(field: HTMLElement, message: string): void {
    if ((this.unread.get(field) ?? "") === message) return;
    if (message) this.unread.set(field, message);
    else this.unread.delete(field);
    this.render();
  }

  show(problems: readonly Problem[]): void {
    this.listed = problems;
    this.render();
  }

  /** The innermost field that a path leads to. */
  find(path: string): HTMLElement | null {
    const steps = path.replace(/^config\./, "").split(/[.[\]]+/).filter((step) => step !== "");
    const first = steps[0];
    if (first === undefined) return null;
    let field = this.at(["config", first]) ?? this.at([first]) ?? this.at(["config"]);
    for (const step of steps.slice(1)) {
      const inner: HTMLElement | null = field && below(field, step);
      if (!inner) break;
      field = inner;
    }
    return field?.matches("[data-row]") ? (partsOf(field)[0] ?? topField(field)) : field;
  }

  private at(path: readonly string[]): HTMLElement | null {
    const wanted = JSON.stringify(path);
    const fields = this.root.querySelectorAll<HTMLElement>("[data-path]");
    return [...fields].find((field) => sameJson(field.dataset["path"], wanted)) ?? null;
  }

  private render(): void {
    const byField = new Map<HTMLElement | null, Problem[]>();
    const add = (field: HTMLElement | null, problem: Problem): void => {
      byField.set(field, [...(byField.get(field) ?? []), problem]);
    };
    for (const [field, message] of this.unread) {
      add(field, { code: "unreadable", severity: "error", node: null, path: null, message });
    }
    for (const problem of this.listed) add(problem.path ? this.find(problem.path) : null, problem);
    for (const field of this.root.querySelectorAll<HTMLElement>("[data-field]")) {
      say(field, ownPart(field, "[data-problems]"), byField.get(field) ?? []);
    }
    list(this.root.querySelector<HTMLElement>("[data-problems-rest]"), byField.get(null) ?? []);
  }
}

function sameJson(one: string | undefined, other: string): boolean {
  return one !== undefined && JSON.stringify(JSON.parse(one)) === other;
}

/** A field of a group, a row of a list, or a field of a row. */
function below(holder: HTMLElement, step: string): HTMLElement | null {
  // Of several kinds of objects the path names the kind too: `tools[0].http.url`.
  if (holder.matches("[data-row]")) {
    return holder.dataset["variant"] === step ? holder : named(holder, step);
  }
  if (holder.dataset["kind"] === "group") return named(holder, step);
  const rows = rowsOf(holder);
  if (holder.dataset["kind"] === "pairs") {
    return rows.find((row) => keyOf(row) === step) ?? null;
  }
  return rows[Number(step)] ?? null;
}

function named(holder: HTMLElement, key: string): HTMLElement | null {
  return partsOf(holder).find((part) => part.dataset["key"] === key) ?? null;
}

function keyOf(row: HTMLElement): string | undefined {
  const key = named(row, "key");
  return key ? controlOf(key, "plain")?.value : undefined;
}

function say(field: HTMLElement, place: HTMLElement | null, problems: readonly Problem[]): void {
  const wrong = problems.some((problem) => problem.severity === "error");
  for (const which of ["plain", "expression"] as const) {
    const control = controlOf(field, which);
    if (!control) continue;
    if (wrong) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
  list(place, problems);
  for (const which of ["plain", "expression"] as const) {
    codeOf(controlOf(field, which))?.say?.();
  }
}

function list(place: HTMLElement | null, problems: readonly Problem[]): void {
  if (!place) return;
  const lines = problems.map((problem) => {
    const line = document.createElement("li");
    line.dataset["severity"] = problem.severity;
    line.textContent = problem.message;
    return line;
  });
  place.replaceChildren(...lines);
  place.hidden = lines.length === 0;
}
