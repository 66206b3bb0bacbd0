// Where a new card goes: beside its neighbour, on a wire, at a point, and never on another card.
import type { Canvas } from "../canvas/index";
import type { FlowModel } from "../model";
import { sourceOf } from "../ops";
import type { Place } from "../ops";
import type { AddOptions, Point } from "./actions";

const CARD = { width: 240, height: 96 };
const GAP_X = 90;
const GAP_Y = 40;
const GRID = 10;
/** Of a card that is put at a pointer: the pointer is on its head. */
const HOLD = { x: 120, y: 24 };

export interface Spot {
  readonly place: Place;
  readonly parent: string | null;
}

/** Place and container of a new node. */
export function spotFor(model: FlowModel, canvas: Canvas, options: AddOptions): Spot {
  const edge = options.onEdge === undefined ? undefined : model.edges.get(options.onEdge);
  const neighbour = edge ? sourceOf(edge).node : (options.after?.node ?? options.before);
  const point = pointOf(canvas, options);
  const at = point ?? besides(canvas, options, edge ? [sourceOf(edge).node, edge.to] : null);
  const place = apart(canvas, model, snapped(at));
  return { place, parent: parentFor(model, canvas, options, neighbour, place) };
}

function pointOf(canvas: Canvas, options: AddOptions): Point | null {
  const at = options.at ?? (options.client ? canvas.toFlow(options.client.x, options.client.y) : null);
  return at ? { x: at.x - HOLD.x, y: at.y - HOLD.y } : null;
}

function besides(canvas: Canvas, options: AddOptions, ends: readonly [string, string] | null): Point {
  if (ends) {
    const [source, target] = ends.map((id) => canvas.rect(id));
    if (source && target) {
      return {
        x: (source.x + source.width + target.x - CARD.width) / 2,
        y: (source.y + target.y) / 2,
      };
    }
  }
  const after = options.after ? canvas.rect(options.after.node) : null;
  if (after) return { x: after.x + after.width + GAP_X, y: after.y };
  const before = options.before ? canvas.rect(options.before) : null;
  if (before) return { x: before.x - GAP_X - CARD.width, y: before.y };
  const centre = canvas.visibleCentre();
  return { x: centre.x - CARD.width / 2, y: centre.y - CARD.height / 2 };
}

function parentFor(
  model: FlowModel,
  canvas: Canvas,
  options: AddOptions,
  neighbour: string | undefined,
  place: Place,
): string | null {
  if (options.parent !== undefined) return options.parent;
  if (neighbour !== undefined) return model.nodes.get(neighbour)?.parent ?? null;
  if (!options.at && !options.client) return null;
  return containerAt(model, canvas, { x: place.x + HOLD.x, y: place.y + HOLD.y });
}

/** The innermost container whose box holds a point. */
export function containerAt(model: FlowModel, canvas: Canvas, at: Point): string | null {
  let found: { id: string; area: number } | null = null;
  for (const id of model.nodes.keys()) {
    if (!canvas.element(id)?.matches("[data-holds]")) continue;
    const box = canvas.rect(id);
    if (!box || at.x < box.x || at.y < box.y) continue;
    if (at.x > box.x + box.width || at.y > box.y + box.height) continue;
    const area = box.width * box.height;
    if (!found || area < found.area) found = { id, area };
  }
  return found?.id ?? null;
}

/** The place, or the first below it where no other card stands. */
function apart(canvas: Canvas, model: FlowModel, place: Place): Place {
  const others = [...model.nodes.keys()].flatMap((id) => {
    const element = canvas.element(id);
    if (!element || element.matches("[data-holds], [data-frame]")) return [];
    return canvas.rect(id) ?? [];
  });
  let { y } = place;
  for (let tries = 0; tries <= others.length; tries += 1) {
    const hit = others.find(
      (other) =>
        place.x < other.x + other.width && other.x < place.x + CARD.width &&
        y < other.y + other.height && other.y < y + CARD.height,
    );
    if (!hit) break;
    y = snapped({ x: 0, y: hit.y + hit.height + GAP_Y }).y;
  }
  return { x: place.x, y };
}

function snapped(at: Point): Place {
  return { x: Math.round(at.x / GRID) * GRID, y: Math.round(at.y / GRID) * GRID };
}
