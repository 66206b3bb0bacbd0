// Says what was done: a line at the bottom for the eye, a live region for the ear.
import type { Said } from "./actions";
import { need } from "./dom";
import { keyLabel } from "./keys";

const SHOWN_FOR = 5_000;

/** One message at a time; a new one takes the place of the last. */
export class Say {
  private readonly box = need("[data-say]");
  private readonly words = need("[data-slot=say-text]", this.box);
  private readonly undo = need<HTMLButtonElement>("[data-slot=say-undo]", this.box);
  private readonly heard = need("[data-slot=announced]");
  private timer = 0;
  private step: string | null = null;

  /** `next` is what undo would take back now. */
  constructor(
    undo: () => void,
    private readonly next: () => string | null,
  ) {
    this.undo.addEventListener("click", () => {
      this.hide();
      undo();
    });
  }

  say({ text, undo, tone }: Said): void {
    clearTimeout(this.timer);
    this.words.textContent = text;
    this.undo.hidden = !undo;
    this.step = undo ? this.next() : null;
    this.box.dataset["tone"] = tone ?? "good";
    this.box.hidden = false;
    this.announce(undo ? `${text} Undo with ${keyLabel("Mod+Z")}.` : text);
    this.leaveLater();
  }

  /** Undo would take back another step than the one that was told. */
  stepped(): void {
    if (this.next() !== this.step) this.undo.hidden = true;
  }

  /** Only for the ear, where the eye has it elsewhere. */
  announce(text: string): void {
    // The same sentence twice has to be heard twice: the region has to change.
    this.heard.textContent = this.heard.textContent === text ? `${text}\u00a0` : text;
  }

  private leaveLater(): void {
    this.timer = window.setTimeout(() => {
      if (this.box.matches(":hover, :focus-within")) this.leaveLater();
      else this.hide();
    }, SHOWN_FOR);
  }

  private hide(): void {
    clearTimeout(this.timer);
    this.box.hidden = true;
  }
}
