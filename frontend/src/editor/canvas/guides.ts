// Lines that show where a dragged card is level with others, and the pull towards them.
import type { Rect } from "./types";

const SVG = "http://www.w3.org/2000/svg";
const GRID = 10;
/** Screen pixels within which a card is drawn to a line. */
const PULL = 6;

interface Match {
  by: number;
  at: number;
  low: number;
  high: number;
}

export interface Snapped {
  dx: number;
  dy: number;
}

export class Guides {
  private readonly svg = document.createElementNS(SVG, "svg");

  constructor(over: HTMLElement) {
    this.svg.classList.add("canvas-guides");
    over.append(this.svg);
  }

  /** How far to shift `box` so that it is level with others, or else on the grid. */
  snap(box: Rect, others: readonly Rect[], zoom: number): Snapped {
    const x = nearest(box, others, PULL / zoom, "x");
    const y = nearest(box, others, PULL / zoom, "y");
    this.draw(x, y);
    return {
      dx: x ? x.by : Math.round(box.x / GRID) * GRID - box.x,
      dy: y ? y.by : Math.round(box.y / GRID) * GRID - box.y,
    };
  }

  clear(): void {
    this.svg.replaceChildren();
  }

  private draw(x: Match | null, y: Match | null): void {
    this.clear();
    if (x) this.line("x", x.at, x.low, x.at, x.high);
    if (y) this.line("y", y.low, y.at, y.high, y.at);
  }

  private line(axis: string, x1: number, y1: number, x2: number, y2: number): void {
    const line = document.createElementNS(SVG, "line");
    line.dataset["guide"] = axis;
    for (const [name, value] of Object.entries({ x1, y1, x2, y2 })) {
      line.setAttribute(name, String(value));
    }
    this.svg.append(line);
  }
}

/** The line of another card that is nearest on this axis; starts, middles and ends count. */
function nearest(box: Rect, others: readonly Rect[], pull: number, axis: "x" | "y"): Match | null {
  const [size, cross, crossSize] =
    axis === "x" ? (["width", "y", "height"] as const) : (["height", "x", "width"] as const);
  let best: Match | null = null;
  for (const other of others) {
    for (const part of [0, 0.5, 1]) {
      const at = other[axis] + other[size] * part;
      const by = at - (box[axis] + box[size] * part);
      if (Math.abs(by) > pull || (best && Math.abs(by) >= Math.abs(best.by))) continue;
      const low = Math.min(box[cross], other[cross]) - 12;
      const high = Math.max(box[cross] + box[crossSize], other[cross] + other[crossSize]) + 12;
      best = { by, at, low, high };
    }
  }
  return best;
}
