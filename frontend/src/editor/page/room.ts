// Makes room for a new card: what stands in the way and all that follows it moves to the right.
import type { Canvas } from "../canvas/index";
import type { FlowModel } from "../model";
import { sourceOf } from "../ops";
import type { Place } from "../ops";

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Between a container's box and what is in it, as the canvas draws it. */
const PADDING = 28;

/** Collects the new places; boxes are the canvas's, moved by what is collected already. */
export class Room {
  /** New places, also those of cards inside of moved containers. */
  readonly places = new Map<string, Place>();

  constructor(
    private readonly model: FlowModel,
    private readonly canvas: Canvas,
  ) {}

  /** Move a card and what follows it, so that `card` (in `parent`) stands free at its place. */
  push(target: string, by: number, card: Area, parent: string | null, fixed: string): void {
    const moved = new Set<string>();
    if (by > 0) this.shift(this.withFollowers([target], fixed), by, moved, new Set([fixed]));
    this.carryFrames(moved, by);
    this.around(card, parent);
  }

  /** The box around a card in `parent` grows: what it would cover outside makes room. */
  around(card: Area, parent: string | null): void {
    const box = parent === null ? null : this.canvas.rect(parent);
    if (parent === null || !box) return;
    const inner = [...this.model.withInside([parent])].filter((id) => id !== parent);
    const right = Math.max(card.x + card.width, ...inner.map((id) => this.rightOf(id))) + PADDING;
    this.growInto(parent, box, right);
  }

  /** The box of a container reaches further right: what it would cover goes before it. */
  private growInto(container: string, box: Area, right: number): void {
    const by = Math.ceil((right - box.x - box.width) / 10) * 10;
    if (by <= 0) return;
    const parent = this.model.nodes.get(container)?.parent ?? null;
    const grown = { ...box, width: box.width + by };
    const hit = this.siblings(container).filter((id) => {
      const other = this.canvas.rect(id);
      return other !== null && other.x >= box.x + box.width && overlap(grown, other);
    });
    const moved = new Set<string>();
    const all = new Set(hit.flatMap((id) => [...this.withFollowers([id], container)]));
    if (all.size > 0) this.shift(all, by, moved, new Set([container]));
    this.carryFrames(moved, by);
    const around = parent === null ? null : this.canvas.rect(parent);
    if (parent === null || !around) return;
    const ends = [...moved].map((id) => this.rightOf(id));
    this.growInto(parent, around, Math.max(grown.x + grown.width, ...ends) + PADDING);
  }

  /** Shift cards, and each card that one of them would come to lie on with what follows that. */
  private shift(first: ReadonlySet<string>, by: number, moved: Set<string>, fixed: ReadonlySet<string>): void {
    const todo = [...first];
    const seen = new Set(todo);
    for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
      const box = this.canvas.rect(id);
      if (!box || moved.has(id)) continue;
      moved.add(id);
      const there = { ...box, x: box.x + by };
      for (const other of this.siblings(id)) {
        if (seen.has(other) || fixed.has(other)) continue;
        const standing = this.canvas.rect(other);
        if (!standing || overlap(box, standing) || !overlap(there, standing)) continue;
        for (const next of this.withFollowers([other], ...fixed)) {
          if (!seen.has(next)) todo.push(next);
          seen.add(next);
        }
      }
    }
    for (const id of this.model.withInside(moved)) this.put(id, by);
  }

  private put(id: string, by: number): void {
    const now = this.places.get(id) ?? this.model.places.get(id);
    const { x, y } = now ?? this.canvas.rect(id) ?? { x: 0, y: 0 };
    this.places.set(id, { ...now, x: x + by, y });
  }

  /** Nodes and all that comes after them along the wires, `without` not passed. */
  private withFollowers(ids: readonly string[], ...without: string[]): Set<string> {
    const found = new Set(ids);
    const todo = [...ids];
    for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
      for (const key of this.model.wiresOf(id)) {
        const edge = this.model.edges.get(key);
        if (!edge || sourceOf(edge).node !== id || found.has(edge.to) || without.includes(edge.to)) continue;
        found.add(edge.to);
        todo.push(edge.to);
      }
    }
    return found;
  }

  /** Cards of the same container, without notes. */
  private siblings(id: string): string[] {
    const parent = this.model.nodes.get(id)?.parent;
    return [...this.model.nodes.values()]
      .filter((other) => other.id !== id && other.parent === parent && other.type !== "note")
      .map((other) => other.id);
  }

  /** A frame whose cards all moved moves too; one of which some stay grows. */
  private carryFrames(moved: ReadonlySet<string>, by: number): void {
    for (const { id, type } of this.model.nodes.values()) {
      if (type !== "note" || !this.canvas.element(id)?.matches("[data-frame]")) continue;
      const frame = this.canvas.rect(id);
      if (!frame) continue;
      const on = [...this.model.nodes.values()].filter((node) => {
        const box = node.type === "note" ? null : this.canvas.rect(node.id);
        return box !== null && encloses(frame, box);
      });
      if (!on.some((node) => moved.has(node.id))) continue;
      const { x, y, width, height } = { ...frame, ...this.places.get(id) };
      const all = on.every((node) => moved.has(node.id));
      this.places.set(id, all ? { x: x + by, y, width, height } : { x, y, width: width + by, height });
    }
  }

  private rightOf(id: string): number {
    const box = this.canvas.rect(id);
    if (!box) return -Infinity;
    const now = this.places.get(id)?.x ?? box.x;
    const before = this.model.places.get(id)?.x ?? box.x;
    return box.x + box.width + now - before;
  }
}

export function overlap(a: Area, b: Area): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function encloses(outer: Area, inner: Area): boolean {
  return (
    inner.x >= outer.x && inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width && inner.y + inner.height <= outer.y + outer.height
  );
}
