// A frame drawn around cards to select them.
import type { Card } from "./card";
import { encloses, overlaps } from "./geometry";
import type { Gesture, Held } from "./gesture";
import type { Stage } from "./stage";
import type { Point, Rect } from "./types";

export class Marquee implements Gesture {
  private readonly frame = document.createElement("div");
  private caught = new Set<Card>();

  constructor(
    private readonly stage: Stage,
    private readonly start: Point,
    private readonly add: boolean,
  ) {
    this.frame.className = "canvas-marquee";
    stage.root.append(this.frame);
  }

  move(held: Held): void {
    const { viewport, scene } = this.stage;
    const at = viewport.toFlow(held.client.x, held.client.y);
    const area: Rect = {
      x: Math.min(at.x, this.start.x),
      y: Math.min(at.y, this.start.y),
      width: Math.abs(at.x - this.start.x),
      height: Math.abs(at.y - this.start.y),
    };
    const { x, y, width, height } = viewport.onScreen(area);
    Object.assign(this.frame.style, {
      transform: `translate(${x}px, ${y}px)`,
      width: `${width}px`,
      height: `${height}px`,
    });
    this.mark(
      new Set(
        // What lies around others is meant only where all of it is in the frame.
        scene
          .within(area)
          .filter((card) => (card.box || card.carries ? encloses : overlaps)(area, card.rect)),
      ),
    );
  }

  end(held: Held): void {
    this.move(held);
    const ids = [...this.caught].map((card) => card.id);
    this.cancel();
    this.stage.selection.set(ids, [], this.add);
  }

  cancel(): void {
    this.mark(new Set());
    this.frame.remove();
  }

  private mark(caught: Set<Card>): void {
    for (const card of this.caught) {
      if (!caught.has(card)) card.element.removeAttribute("data-caught");
    }
    for (const card of caught) card.element.toggleAttribute("data-caught", true);
    this.caught = caught;
  }
}
