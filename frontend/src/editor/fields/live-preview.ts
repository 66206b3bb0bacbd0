// The line under a code field: what its expressions give with the last values, as one types.
import { scopeOf, type Preview } from "./scope";

/** Milliseconds without a letter before the server is asked. */
const PAUSE = 300;

export class LivePreview {
  private readonly line: HTMLElement;
  private timer = 0;
  private asked = "";
  private order = 0;
  private readonly leave: () => void;

  constructor(
    private readonly field: HTMLElement,
    private readonly language: () => string,
  ) {
    this.line = document.createElement("p");
    this.line.className = "code-said";
    this.line.slot = "said";
    this.line.hidden = true;
    field.append(this.line);
    // Other names or values: what stands there may give something else now.
    this.leave =
      scopeOf(field)?.onLoad(() => {
        this.asked = "";
        this.ask();
      }) ?? (() => {});
  }

  /** Look again soon. */
  ask(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), PAUSE);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.leave();
    this.line.remove();
  }

  private async look(): Promise<void> {
    const text = this.field.querySelector("textarea")?.value ?? "";
    const template = this.language() === "template";
    const scope = scopeOf(this.field);
    const computed = text.includes("{{") || (template && text.includes("{%"));
    if (!scope || !computed || this.language() === "json") {
      this.line.hidden = true;
      this.asked = "";
      return;
    }
    if (text === this.asked) return;
    const order = (this.order += 1);
    const told = await scope.preview(text, template);
    // A later letter was typed meanwhile.
    if (order !== this.order || !told) return;
    if (told.kind === "busy") {
      this.timer = window.setTimeout(() => void this.look(), 2_000);
      return;
    }
    this.asked = text;
    this.show(told);
  }

  private show(told: Preview): void {
    this.line.hidden = false;
    this.line.dataset["tone"] = "error" in told ? (told.kind === "no_data" ? "none" : "error") : "good";
    const word = document.createElement("span");
    word.className = "code-said-kind";
    const kind = told.pinned ? `${told.kind}, pinned` : told.kind;
    word.textContent = "error" in told ? (told.kind === "no_data" ? "no value" : "error") : kind;
    const text = "error" in told ? told.error : told.value + (told.cut ? "…" : "");
    this.line.replaceChildren(word, " ", text === "" ? "(empty)" : text);
  }
}
