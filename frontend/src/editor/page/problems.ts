// The problems of the draft, as the server finds them: a count, a list to jump from, marks on cards.
import type { EditorActions, NodeInfo } from "./actions";
import { counted, icon, make, need, setText } from "./dom";
import { isPast } from "./past";

const ASK_AFTER = 600;

export interface Problem {
  code: string;
  severity: "error" | "warning";
  node: string | null;
  path: string;
  message: string;
}

export class Problems {
  private readonly panel = need("[data-problems]");
  private readonly list = need("[data-slot=problem-list]");
  private readonly cards = need("[data-canvas-cards]");
  private readonly button = need("[data-problem-count]");
  private readonly url = need("[data-editor]").dataset["problemsUrl"] ?? "";
  /** The server has looked again; forms say the problems of their fields. */
  onFound: (problems: readonly Problem[]) => void = () => undefined;
  private problems: readonly Problem[] = [];
  private timer = 0;
  private asked = 0;
  private back: HTMLElement | null = null;

  constructor(private readonly actions: EditorActions) {
    this.list.addEventListener("click", (event) => this.onClick(event));
    this.panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    // A run that was lies over the flow of then: the problems of today's draft are not its own.
    if (isPast()) {
      this.button.hidden = true;
      this.list.append(make("p", { class: "drawer-none muted" }, "Problems are those of the draft: go back to it to see them."));
      return;
    }
    // What is saved is what the server looks at.
    actions.on("saved", (state) => {
      if (state.kind === "saved") this.refreshSoon();
    });
    // So are the changes of others, which are never on their way from here.
    actions.on("change", () => {
      this.markCards();
      this.refreshSoon();
    });
    void this.refresh();
  }

  get isOpen(): boolean {
    return !this.panel.hidden;
  }

  toggle(): void {
    if (this.isOpen) {
      this.close();
      return;
    }
    this.back = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    this.panel.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    (this.list.querySelector<HTMLElement>("button") ?? this.panel).focus();
  }

  private close(): void {
    const inside = this.panel.contains(document.activeElement);
    this.panel.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    if (inside) (this.back ?? this.button).focus();
  }

  refreshSoon(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.refresh(), ASK_AFTER);
  }

  private async refresh(): Promise<void> {
    const asked = (this.asked += 1);
    try {
      const answer = await fetch(`${this.url}?as=json`, { cache: "no-store" });
      if (!answer.ok || answer.redirected || asked !== this.asked) return;
      const { problems } = (await answer.json()) as { problems: Problem[] };
      if (asked === this.asked) this.show(problems);
    } catch {
      // The next change asks again; what is shown may be of a moment ago.
    }
  }

  private show(problems: readonly Problem[]): void {
    this.problems = problems;
    const errors = problems.filter((problem) => problem.severity === "error");
    const warnings = problems.filter((problem) => problem.severity !== "error");
    const words = [errors.length ? counted(errors.length, "error") : "", warnings.length ? counted(warnings.length, "warning") : ""]
      .filter(Boolean).join(", ");
    this.button.dataset["worst"] = errors.length ? "error" : warnings.length ? "warning" : "none";
    setText(need("[data-slot=problem-count]"), String(problems.length));
    setText(need("[data-slot=problem-words]"), ` problem${problems.length === 1 ? "" : "s"}${words ? `: ${words}` : ""}`);
    setText(need("[data-slot=problems-summary]"), words);
    const here = this.list.contains(document.activeElement) ? this.list : null;
    this.list.replaceChildren(...this.groups(errors, warnings));
    if (here) (this.list.querySelector<HTMLElement>("button") ?? this.panel).focus();
    this.markCards();
    this.onFound(problems);
  }

  private groups(errors: readonly Problem[], warnings: readonly Problem[]): HTMLElement[] {
    if (errors.length + warnings.length === 0) {
      return [make("p", { class: "drawer-none muted" }, icon("check"), "No problems. The flow can be published and run.")];
    }
    const group = (title: string, problems: readonly Problem[]): HTMLElement[] => problems.length === 0 ? [] : [
      make("h3", { class: "palette-title" }, title),
      make("ul", { class: "problem-list" }, ...problems.map((problem) => this.row(problem))),
    ];
    return [...group("Errors: they keep the flow from running", errors), ...group("Warnings", warnings)];
  }

  private row(problem: Problem): HTMLElement {
    const node = this.nodeOf(problem.node);
    const words = make("span", { class: "problem-words" }, problem.message);
    const where = node ? [node.title, fieldName(problem.path)].filter(Boolean).join(" · ") : "The flow";
    words.append(make("span", { class: "caption" }, where));
    const mark = make("span", { class: "problem-mark", "data-severity": problem.severity },
      icon(problem.severity === "error" ? "error" : "problems"),
      make("span", { class: "sr-only" }, problem.severity === "error" ? "Error: " : "Warning: "));
    if (!node) return make("li", { class: "problem-row" }, mark, words);
    const button = make("button", { type: "button", class: "problem-row", "data-node-of": node.id, "data-path": problem.path }, mark, words);
    return make("li", {}, button);
  }

  private onClick(event: Event): void {
    const row = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-node-of]") : null;
    if (!row) return;
    const id = row.dataset["nodeOf"] ?? "";
    this.actions.focusNode(id);
    this.actions.openSettings(id, row.dataset["path"] ?? "");
  }

  private nodeOf(id: string | null): NodeInfo | undefined {
    return this.actions.nodes().find((node) => node.id === id);
  }

  /** Cards with errors are marked, and say so where the mark cannot be seen. */
  private markCards(): void {
    const firsts = new Map<string, string>();
    for (const problem of this.problems) {
      if (problem.severity === "error" && problem.node && !firsts.has(problem.node)) firsts.set(problem.node, problem.message);
    }
    for (const card of this.cards.children) {
      const message = firsts.get(card.getAttribute("data-node") ?? "");
      if (message === undefined && !card.hasAttribute("data-broken")) continue;
      card.toggleAttribute("data-broken", message !== undefined);
      let said = card.querySelector<HTMLElement>("[data-slot=broken]");
      if (message === undefined) {
        said?.remove();
        card.removeAttribute("aria-describedby");
        continue;
      }
      if (!said) {
        said = make("span", { class: "sr-only", "data-slot": "broken", id: `broken-${card.getAttribute("data-node")}` });
        card.append(said);
      }
      setText(said, `Error: ${message}`);
      card.setAttribute("aria-describedby", said.id);
    }
  }
}

/** `config.fields[0].name` → “fields, 1, name”. */
function fieldName(path: string): string {
  const parts = path.replace(/^config\.?/, "").split(/[.[\]]+/).filter(Boolean);
  return parts.map((part) => (/^\d+$/.test(part) ? String(Number(part) + 1) : part.replaceAll("_", " "))).join(", ");
}
