// Far out: every card as a plain box with its name, every wire as a line, drawn in one go. While
// only the view moves, what was drawn is moved with it, and drawn sharply again once it rests.
import type { Card } from "./card";
import type { Colours } from "./colours";
import type { Job } from "./frame";
import { encloses, grown, overlaps, reach } from "./geometry";
import type { Stage } from "./stage";
import type { Rect, View } from "./types";

/** Screen pixels a card has to be wide for its name to be worth reading. */
const NAMED = 46;
/** Of the window's width and height: what is drawn beyond each of its sides. */
const BEYOND = 0.15;
/** Larger or smaller than drawn by more than this, and it is drawn anew. */
const MOST_ZOOMED = 1.4;
/** Milliseconds after which a view that does not move is drawn sharply. */
const REST = 150;

/** What the canvas shows: the view it was drawn for, the area of the flow that is on it. */
interface Drawn {
  readonly view: View;
  readonly area: Rect;
  /** All cards with their wires. */
  readonly flow: Rect;
}

export class Far {
  private readonly canvas = document.createElement("canvas");
  private readonly screen: CanvasRenderingContext2D;
  /** What was drawn, on a sheet larger than the window; moving it is cheaper than drawing again. */
  private readonly sheet = document.createElement("canvas");
  private readonly context: CanvasRenderingContext2D;
  private readonly job: Job = { rank: 3, run: () => this.show() };
  private drawn: Drawn | null = null;
  private resting = 0;

  constructor(
    private readonly stage: Stage,
    private readonly colours: Colours,
  ) {
    this.canvas.className = "canvas-far";
    this.canvas.setAttribute("aria-hidden", "true");
    this.canvas.hidden = true;
    // Above the cards, which are still there to be pressed.
    stage.root.append(this.canvas);
    const [screen, context] = [this.canvas.getContext("2d"), this.sheet.getContext("2d")];
    if (!screen || !context) throw new Error("This browser cannot draw.");
    this.screen = screen;
    this.context = context;
    stage.painters.push((what) => {
      if (what === "cards") this.drawn = null;
      if (stage.viewport.far || !this.canvas.hidden) stage.frame.ask(this.job);
    });
    stage.root.addEventListener("focusin", () => this.again());
  }

  stop(): void {
    clearTimeout(this.resting);
    this.canvas.remove();
  }

  private again(): void {
    this.drawn = null;
    this.stage.frame.ask(this.job);
  }

  private show(): void {
    const { viewport } = this.stage;
    this.canvas.hidden = !viewport.far;
    clearTimeout(this.resting);
    if (!viewport.far) {
      this.drawn = null;
    } else if (this.drawn && this.holds(this.drawn)) {
      this.copy(this.drawn.view);
      this.resting = window.setTimeout(() => this.again(), REST);
    } else this.copy(this.draw().view);
  }

  /** Whether all that is in sight is on the canvas, and about as large as it would be drawn. */
  private holds({ view, area, flow }: Drawn): boolean {
    const seen = this.stage.viewport.visible();
    const zoomed = this.stage.viewport.now.zoom / view.zoom;
    if (zoomed > MOST_ZOOMED || zoomed < 1 / MOST_ZOOMED) return false;
    return encloses(area, seen) || encloses(area, flow);
  }

  /** The sheet as it lies in the view now, onto the screen. */
  private copy(from: View): void {
    const { now, bounds } = this.stage.viewport;
    const ratio = devicePixelRatio || 1;
    resize(this.canvas, bounds.width * ratio, bounds.height * ratio);
    const scale = now.zoom / from.zoom;
    const { left, top } = this.beyond();
    const [x, y] = [now.x - (from.x + left) * scale, now.y - (from.y + top) * scale];
    const { width, height } = this.sheet;
    this.screen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.screen.drawImage(this.sheet, x * ratio, y * ratio, width * scale, height * scale);
  }

  private beyond(): { left: number; top: number } {
    const { width, height } = this.stage.viewport.bounds;
    return { left: Math.round(width * BEYOND), top: Math.round(height * BEYOND) };
  }

  private draw(): Drawn {
    const { viewport, scene } = this.stage;
    const { width, height } = viewport.bounds;
    const { left, top } = this.beyond();
    this.clear(left, top);
    const seen = viewport.visible(Math.max(left, top));
    const { x, y, zoom } = viewport.now;
    const all = scene.bounds();
    const drawn = {
      view: { x, y, zoom },
      area: { x: (-x - left) / zoom, y: (-y - top) / zoom, width: (width + 2 * left) / zoom, height: (height + 2 * top) / zoom },
      flow: all ? grown(all, 120) : { x: 0, y: 0, width: 0, height: 0 },
    };
    this.wires(seen);
    const cards = [...this.stage.scene.cards.values()].filter((card) => overlaps(seen, card.rect));
    // What lies behind is drawn first.
    const behind = (card: Card): number => (card.carries ? 0 : card.box ? 1 : 2);
    cards.sort((a, b) => behind(a) - behind(b));
    for (const card of cards) this.card(card);
    this.names(cards);
    this.drawn = drawn;
    return drawn;
  }

  private clear(left: number, top: number): void {
    const { bounds, now } = this.stage.viewport;
    const ratio = devicePixelRatio || 1;
    resize(this.sheet, (bounds.width + 2 * left) * ratio, (bounds.height + 2 * top) * ratio);
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.clearRect(0, 0, this.sheet.width, this.sheet.height);
    const scale = ratio * now.zoom;
    this.context.setTransform(scale, 0, 0, scale, (now.x + left) * ratio, (now.y + top) * ratio);
  }

  private wires(seen: Rect): void {
    const { edges, selection, viewport } = this.stage;
    const lines = new Map<string, Path2D>();
    for (const { edge, flow, from, to, box } of edges.wires.values()) {
      if (!overlaps(seen, box)) continue;
      const colour = selection.edges.has(edge.id)
        ? this.colours.get("primary")
        : this.flow(flow, edge.category);
      let path = lines.get(colour);
      if (!path) lines.set(colour, (path = new Path2D()));
      const bend = reach(from, to);
      path.moveTo(from.x, from.y);
      path.bezierCurveTo(from.x + bend, from.y, to.x - bend, to.y, to.x, to.y);
    }
    this.context.globalAlpha = 0.7;
    this.context.lineWidth = 1.1 / viewport.now.zoom;
    for (const [colour, path] of lines) {
      this.context.strokeStyle = colour;
      this.context.stroke(path);
    }
    this.context.globalAlpha = 1;
  }

  private flow(flow: string, category: string): string {
    if (flow === "live") return this.colours.get("state-succeeded");
    if (flow === "active") return this.colours.get("state-running");
    if (flow === "broken") return this.colours.get("state-failed");
    return flow === "dead" ? this.colours.get("border") : this.colours.category(category);
  }

  private card(card: Card): void {
    const { context, colours, stage } = this;
    const { x, y, width, height } = card.rect;
    const pixel = 1 / stage.viewport.now.zoom;
    const state = colours.state(card.state);
    const colour = state ?? colours.category(card.category);
    if (!card.box && !card.carries) {
      context.fillStyle = colours.get("card");
      context.fillRect(x, y, width, height);
    }
    context.globalAlpha = card.box || card.carries ? 0.07 : 0.16;
    context.fillStyle = colour;
    context.fillRect(x, y, width, height);
    context.globalAlpha = 1;
    context.fillRect(x, y, width, Math.max(2 * pixel, 6));
    const { element } = card;
    const marked = stage.selection.nodes.has(card.id) || element.hasAttribute("data-caught");
    const focused = element === document.activeElement;
    context.lineWidth = (marked || focused ? 2 : 1) * pixel;
    context.strokeStyle = marked || focused ? colours.get("ring") : state ?? colours.get("border");
    context.strokeRect(x, y, width, height);
  }

  /** Of a size that can be read, cut at the card's end. */
  private names(cards: Card[]): void {
    const { zoom } = this.stage.viewport.now;
    const { context } = this;
    if (240 * zoom < NAMED) return;
    const size = 10.5 / zoom;
    const most = Math.floor((240 * zoom - 8) / 5.6);
    context.font = `600 ${size}px "Inter Variable", sans-serif`;
    context.textBaseline = "middle";
    context.fillStyle = this.colours.get("foreground");
    for (const card of cards) {
      if (card.carries) continue;
      const { title } = card;
      const text = title.length > most ? `${title.slice(0, most - 1)}…` : title;
      const { x, y, height } = card.rect;
      context.fillText(text, x + 5 / zoom, card.box ? y + 34 : y + height / 2 + 2);
    }
  }
}

function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  const [wide, high] = [Math.round(width), Math.round(height)];
  if (canvas.width === wide && canvas.height === high) return;
  canvas.width = wide;
  canvas.height = high;
}
