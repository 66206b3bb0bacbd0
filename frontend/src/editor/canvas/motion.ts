// Moves cards to new places in a moment's time: a jump of many cannot be followed by the eye.
import type { Card } from "./card";
import type { Stage } from "./stage";
import type { Point } from "./types";
import { animations } from "./viewport";
import { easeOut } from "./xyflow";

const DURATION = 200;
/** More than these at once would not move smoothly. */
const MOST = 300;

interface Way {
  from: Point;
  to: Point;
  began: number;
}

export class Motion {
  private readonly ways = new Map<Card, Way>();
  private waiting = 0;

  constructor(private readonly stage: Stage) {}

  to(card: Card, to: Point): void {
    if (!animations() || this.ways.size >= MOST) {
      this.stage.scene.move(card, to.x, to.y);
      return;
    }
    this.ways.set(card, { from: { x: card.x, y: card.y }, to, began: performance.now() });
    this.waiting ||= requestAnimationFrame((now) => this.step(now));
  }

  /** The card is placed by somebody else. */
  forget(card: Card): void {
    this.ways.delete(card);
  }

  stop(): void {
    cancelAnimationFrame(this.waiting);
    this.ways.clear();
  }

  private step(now: number): void {
    this.waiting = 0;
    for (const [card, { from, to, began }] of this.ways) {
      const t = Math.min(1, Math.max(0, (now - began) / DURATION));
      const eased = easeOut(t);
      this.stage.scene.move(
        card,
        t === 1 ? to.x : from.x + (to.x - from.x) * eased,
        t === 1 ? to.y : from.y + (to.y - from.y) * eased,
      );
      if (t === 1) this.ways.delete(card);
    }
    if (this.ways.size) this.waiting = requestAnimationFrame((next) => this.step(next));
  }
}
