// Two fingers of which the first is on a card: the engine sees pinches on empty ground only.
import type { Point } from "./types";
import type { Viewport } from "./viewport";

export class Pinch {
  active = false;
  private readonly fingers = new Map<number, Point>();
  /** The first finger was not for the engine. */
  private ours = false;

  constructor(private readonly viewport: Viewport) {}

  /** A finger is put down; true where it makes a pinch of what the first one had begun. */
  down(event: PointerEvent, claimed: boolean): boolean {
    if (!this.fingers.size) this.ours = false;
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.fingers.size === 2 && claimed) this.ours = true;
    this.active = this.ours && this.fingers.size >= 2;
    return this.fingers.size >= 2;
  }

  /** True while a pinch goes on here. */
  move(event: PointerEvent): boolean {
    const before = this.fingers.get(event.pointerId);
    if (!before) return false;
    const now = { x: event.clientX, y: event.clientY };
    this.fingers.set(event.pointerId, now);
    if (!this.active) return false;
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) this.follow(before, now, other);
    return true;
  }

  up(event: PointerEvent): void {
    this.fingers.delete(event.pointerId);
    if (this.fingers.size < 2) this.active = false;
  }

  private follow(before: Point, now: Point, other: Point): void {
    const { bounds, now: view } = this.viewport;
    const span = Math.max(Math.hypot(before.x - other.x, before.y - other.y), 1);
    const factor = Math.hypot(now.x - other.x, now.y - other.y) / span;
    // Two fingers also carry the flow with them.
    const x = view.x + (now.x - before.x) / 2;
    const y = view.y + (now.y - before.y) / 2;
    const at = { x: (now.x + other.x) / 2 - bounds.x, y: (now.y + other.y) / 2 - bounds.y };
    this.viewport.set({
      x: at.x - (at.x - x) * factor,
      y: at.y - (at.y - y) * factor,
      zoom: view.zoom * factor,
    });
  }
}
