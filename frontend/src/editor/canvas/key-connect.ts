// Connects by keyboard: go through what fits, Enter takes it, Escape leaves.
import { LooseWire } from "./connect";
import type { GraphOrder } from "./order";
import type { Stage } from "./stage";
import type { PortRef } from "./types";

const ONWARD = new Set(["Tab", "ArrowRight", "ArrowDown"]);
const BACK = new Set(["ArrowLeft", "ArrowUp"]);

export class KeyConnect {
  private readonly line: LooseWire;
  private readonly fits: string[] = [];
  private readonly ends = new AbortController();
  private index = 0;

  constructor(
    private readonly stage: Stage,
    order: GraphOrder,
    private readonly from: PortRef,
    private readonly done: () => void,
  ) {
    this.line = new LooseWire(stage);
    stage.root.toggleAttribute("data-connecting", true);
    for (const id of order.all()) {
      if (id === from.node) continue;
      const fits = stage.host.canConnect(from, id) === true;
      if (fits) this.fits.push(id);
      stage.scene.get(id)?.element.toggleAttribute("data-refused", !fits);
    }
    const { signal } = this.ends;
    document.addEventListener("keydown", (event) => this.onKey(event), { capture: true, signal });
    stage.root.addEventListener("pointerdown", () => this.stop(), { capture: true, signal });
    this.start();
  }

  stop(): void {
    const { root } = this.stage;
    this.ends.abort();
    this.line.remove();
    this.mark(false);
    root.removeAttribute("data-connecting");
    for (const card of root.querySelectorAll("[data-refused]")) card.removeAttribute("data-refused");
    this.done();
  }

  private start(): void {
    if (!this.fits.length) {
      this.stage.say("Nothing here can be connected to this port.");
      this.stop();
      return;
    }
    const { title = "" } = this.stage.scene.get(this.from.node) ?? {};
    this.show(`Connecting ${title}: arrows or Tab choose, Enter connects, Escape leaves.`);
  }

  private onKey(event: KeyboardEvent): void {
    const { key } = event;
    if (["Shift", "Control", "Alt", "Meta"].includes(key)) return;
    event.preventDefault();
    event.stopPropagation();
    const back = BACK.has(key) || (key === "Tab" && event.shiftKey);
    if (back || ONWARD.has(key)) this.turn(back ? -1 : 1);
    else if (key === "Enter") this.take();
    else if (key === "Escape") {
      this.stage.say("Not connected.");
      this.stop();
    }
  }

  private turn(by: number): void {
    this.mark(false);
    this.index = (this.index + by + this.fits.length) % this.fits.length;
    this.show("");
  }

  private take(): void {
    const to = this.fits[this.index];
    this.stop();
    if (to !== undefined) this.stage.host.connect(this.from, to);
  }

  private show(intro: string): void {
    const card = this.stage.scene.measured(this.fits[this.index] ?? "");
    if (!card) return;
    this.mark(true);
    this.stage.scene.show(card, true);
    this.stage.viewport.reveal(card.rect);
    this.line.draw(this.from, card.pointAt("in", "in"));
    const place = `${this.index + 1} of ${this.fits.length}`;
    this.stage.say(`${intro} To ${card.title}, ${place}.`.trim());
  }

  private mark(on: boolean): void {
    const element = this.stage.scene.get(this.fits[this.index] ?? "")?.element;
    element?.toggleAttribute("data-target", on);
  }
}
