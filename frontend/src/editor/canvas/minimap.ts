// The whole flow in a corner: drag, click and wheel move the view; colours tell a run's states.
import type { Colours } from "./colours";
import type { Job } from "./frame";
import { around, clamp, contains, grown } from "./geometry";
import type { Stage } from "./stage";
import { part } from "./stage";
import type { Point, Rect } from "./types";

/** Cards are drawn anew at most this often while they move. */
const PAUSE = 66;

export class Minimap {
  private readonly canvas: HTMLCanvasElement;
  private readonly cards = document.createElement("canvas");
  private readonly width: number;
  private readonly height: number;
  private readonly job: Job = { rank: 4, run: () => this.draw() };
  private area: Rect = { x: 0, y: 0, width: 1, height: 1 };
  private scale = 1;
  private stale = true;
  private drawnAt = 0;
  private later = 0;
  /** From the pointer to the middle of the view, while it is dragged. */
  private grab: Point | null = null;

  constructor(
    private readonly stage: Stage,
    private readonly colours: Colours,
  ) {
    this.canvas = part(stage.root, "[data-canvas-minimap]") as HTMLCanvasElement;
    this.width = Number(this.canvas.getAttribute("width") ?? 200);
    this.height = Number(this.canvas.getAttribute("height") ?? 130);
    const ratio = Math.min(devicePixelRatio || 1, 2);
    for (const canvas of [this.canvas, this.cards]) {
      canvas.width = this.width * ratio;
      canvas.height = this.height * ratio;
    }
    stage.painters.push((what) => {
      if (what === "cards") this.stale = true;
      if (this.shown) stage.frame.ask(this.job);
    });
    this.listen();
  }

  get shown(): boolean {
    return !this.canvas.hidden;
  }

  show(shown: boolean): void {
    this.canvas.hidden = !shown;
    if (shown) this.stage.frame.ask(this.job);
  }

  private draw(): void {
    const now = performance.now();
    const seen = this.stage.viewport.visible();
    const area = grown(around([this.stage.scene.bounds() ?? seen, seen]) ?? seen, 40);
    const moved = Object.keys(area).some((key) => area[key as keyof Rect] !== this.area[key as keyof Rect]);
    if (this.stale || moved) {
      if (now - this.drawnAt >= PAUSE) this.drawCards(area, now);
      else {
        clearTimeout(this.later);
        this.later = window.setTimeout(() => this.stage.frame.ask(this.job), PAUSE);
      }
    }
    this.drawView(seen);
  }

  private drawCards(area: Rect, now: number): void {
    this.area = area;
    this.drawnAt = now;
    this.stale = false;
    this.scale = Math.min(this.width / area.width, this.height / area.height);
    const context = this.open(this.cards);
    const cards = [...this.stage.scene.cards.values()];
    cards.sort((a, b) => Number(!a.carries && !a.box) - Number(!b.carries && !b.box));
    for (const card of cards) {
      const { x, y, width, height } = this.shrunk(card.rect);
      const selected = this.stage.selection.nodes.has(card.id);
      const state = this.colours.state(card.state);
      context.fillStyle = selected
        ? this.colours.get("primary")
        : state ?? this.colours.category(card.category);
      context.globalAlpha = card.box || card.carries ? 0.18 : selected || state ? 0.95 : 0.55;
      context.fillRect(x, y, Math.max(width, 1.5), Math.max(height, 1.5));
    }
  }

  private drawView(seen: Rect): void {
    const context = this.open(this.canvas);
    context.drawImage(this.cards, 0, 0, this.width, this.height);
    const { x, y, width, height } = this.shrunk(seen);
    context.globalAlpha = 0.12;
    context.fillStyle = this.colours.get("primary");
    context.fillRect(x, y, width, height);
    context.globalAlpha = 1;
    context.strokeStyle = this.colours.get("primary");
    context.strokeRect(x + 0.5, y + 0.5, Math.max(width - 1, 2), Math.max(height - 1, 2));
  }

  private open(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser cannot draw.");
    const ratio = canvas.width / this.width;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.globalAlpha = 1;
    context.clearRect(0, 0, this.width, this.height);
    return context;
  }

  private shrunk(box: Rect): Rect {
    const { area, scale } = this;
    const left = (this.width - area.width * scale) / 2;
    const top = (this.height - area.height * scale) / 2;
    return {
      x: left + (box.x - area.x) * scale,
      y: top + (box.y - area.y) * scale,
      width: box.width * scale,
      height: box.height * scale,
    };
  }

  private toFlow(event: MouseEvent): Point {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const origin = this.shrunk({ ...this.area, width: 0, height: 0 });
    return {
      x: this.area.x + ((event.clientX - left) * (this.width / width) - origin.x) / this.scale,
      y: this.area.y + ((event.clientY - top) * (this.height / height) - origin.y) / this.scale,
    };
  }

  private listen(): void {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      const at = this.toFlow(event);
      const seen = this.stage.viewport.visible();
      // Taken by its frame the view stays under the pointer; elsewhere it jumps there first.
      const middle = { x: seen.x + seen.width / 2, y: seen.y + seen.height / 2 };
      this.grab = contains(seen, at) ? { x: middle.x - at.x, y: middle.y - at.y } : { x: 0, y: 0 };
      canvas.setPointerCapture(event.pointerId);
      this.follow(at);
    });
    canvas.addEventListener("pointermove", (event) => this.follow(this.toFlow(event)));
    for (const end of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(end, () => (this.grab = null));
    }
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
  }

  private follow(at: Point): void {
    const { grab } = this;
    if (!grab) return;
    this.stage.viewport.centre(
      { x: at.x + grab.x, y: at.y + grab.y, width: 0, height: 0 },
      this.stage.viewport.now.zoom,
      false,
    );
  }

  private onWheel(event: WheelEvent): void {
    event.preventDefault();
    event.stopPropagation();
    const { viewport } = this.stage;
    const delta = clamp(event.deltaY * (event.deltaMode === 1 ? 20 : 1), -200, 200);
    viewport.zoomTo(viewport.now.zoom * 2 ** (-delta * 0.003), undefined, false);
  }
}
