// Makes notes and frames larger or smaller by their corner.
import type { Card } from "./card";
import type { Gesture, Held } from "./gesture";
import type { Stage } from "./stage";
import type { Point } from "./types";

const GRID = 10;
const SMALLEST = { width: 120, height: 70 };

export class Resize implements Gesture {
  private readonly width: number;
  private readonly height: number;

  constructor(
    private readonly stage: Stage,
    private readonly card: Card,
    private readonly start: Point,
  ) {
    this.width = card.width;
    this.height = card.height;
  }

  move(held: Held): void {
    const at = this.stage.viewport.toFlow(held.client.x, held.client.y);
    const step = held.alt ? 1 : GRID;
    const fit = (value: number, least: number): number =>
      Math.max(least, Math.round(value / step) * step);
    const width = fit(this.width + at.x - this.start.x, SMALLEST.width);
    const height = fit(this.height + at.y - this.start.y, SMALLEST.height);
    this.stage.scene.resize(this.card, width, height);
  }

  end(held: Held): void {
    this.move(held);
    const { id, x, y, width, height } = this.card;
    if (width === this.width && height === this.height) return;
    this.stage.host.resized(id, { x, y, width, height });
  }

  cancel(): void {
    this.stage.scene.resize(this.card, this.width, this.height);
  }
}

/** The corner that is pulled; a note without one gets it. */
export function addCorner(card: Card): void {
  if (card.element.querySelector("[data-resize]")) return;
  const corner = document.createElement("span");
  corner.className = "canvas-corner";
  corner.dataset["resize"] = "";
  card.element.append(corner);
}
