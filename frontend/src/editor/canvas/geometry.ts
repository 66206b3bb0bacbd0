// Sums with points, boxes and the curves of wires.
import type { Point, Rect } from "./types";

export const contains = (box: Rect, at: Point): boolean =>
  at.x >= box.x && at.x <= box.x + box.width && at.y >= box.y && at.y <= box.y + box.height;

export const encloses = (outer: Rect, inner: Rect): boolean =>
  contains(outer, inner) &&
  contains(outer, { x: inner.x + inner.width, y: inner.y + inner.height });

export const overlaps = (a: Rect, b: Rect): boolean =>
  a.x <= b.x + b.width && b.x <= a.x + a.width && a.y <= b.y + b.height && b.y <= a.y + a.height;

/** The smallest box around all of them; null around nothing. */
export function around(boxes: Iterable<Rect>): Rect | null {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (const box of boxes) {
    left = Math.min(left, box.x);
    top = Math.min(top, box.y);
    right = Math.max(right, box.x + box.width);
    bottom = Math.max(bottom, box.y + box.height);
  }
  return left > right ? null : { x: left, y: top, width: right - left, height: bottom - top };
}

export const grown = (box: Rect, by: number): Rect => ({
  x: box.x - by,
  y: box.y - by,
  width: box.width + 2 * by,
  height: box.height + 2 * by,
});

export const centreOf = (box: Rect): Point => ({
  x: box.x + box.width / 2,
  y: box.y + box.height / 2,
});

export const clamp = (value: number, low: number, high: number): number =>
  Math.min(high, Math.max(low, value));

/** How far a wire runs straight on before it turns: as flows/views/picture.py draws it. */
export function reach(from: Point, to: Point): number {
  return Math.max(to.x > from.x ? (to.x - from.x) / 2 : 60 + (from.x - to.x) / 4, 30);
}

/** A wire's path: it leaves to the right and arrives from the left. */
export function curve(from: Point, to: Point): string {
  const bend = reach(from, to);
  return `M${from.x} ${from.y}C${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`;
}

/** The point of a wire at `t`, 0 at its start and 1 at its end. */
export function alongCurve(from: Point, to: Point, t: number): Point {
  const bend = reach(from, to);
  const u = 1 - t;
  const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
  return {
    x: a * from.x + b * (from.x + bend) + c * (to.x - bend) + d * to.x,
    y: (a + b) * from.y + (c + d) * to.y,
  };
}

/** The box that a wire with its bends stays in. */
export function curveBox(from: Point, to: Point): Rect {
  const bend = reach(from, to);
  const left = Math.min(from.x, to.x - bend);
  const right = Math.max(to.x, from.x + bend);
  const top = Math.min(from.y, to.y);
  return { x: left, y: top, width: right - left, height: Math.abs(to.y - from.y) };
}

/** Distance of a point from a wire, by pieces of it. */
export function distanceToCurve(from: Point, to: Point, at: Point): number {
  let nearest = Infinity;
  let before = from;
  for (let step = 1; step <= 16; step += 1) {
    const next = alongCurve(from, to, step / 16);
    nearest = Math.min(nearest, distanceToLine(before, next, at));
    before = next;
  }
  return nearest;
}

function distanceToLine(a: Point, b: Point, at: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy;
  const t = length ? clamp(((at.x - a.x) * dx + (at.y - a.y) * dy) / length, 0, 1) : 0;
  return Math.hypot(at.x - a.x - t * dx, at.y - a.y - t * dy);
}
