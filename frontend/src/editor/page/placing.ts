// Where a new card goes: beside its neighbour, on a wire, at a point, and never on another card.
import type { Canvas } from "../canvas/index";
import type { FlowModel } from "../model";
import { sourceOf } from "../ops";
import type { EdgeEntry, Place } from "../ops";
import type { AddOptions, Point } from "./actions";
import { overlap, Room } from "./room";
import type { Area } from "./room";

const CARD = { width: 240, height: 96 };
const GAP_X = 90;
const GAP_Y = 40;
const GRID = 10;
/** Pixels between two cards in which a wire can still be seen. */
const NEAR = 30;
/** Of a card that is put at a pointer: the pointer is on its head. */
const HOLD = { x: 120, y: 24 };

/** Pixels below and between cards that are put into a container or out of it by a list. */
const WITHIN = 40;

export interface Spot {
  readonly place: Place;
  readonly parent: string | null;
  /** New places of other cards, which make room. */
  readonly others: ReadonlyMap<string, Place>;
}

/** What is to be placed; `id` is that of a card which is on the canvas already. */
export interface Placed {
  readonly height: number;
  readonly id?: string;
}

/** Place and container of a new node. */
export function spotFor(model: FlowModel, canvas: Canvas, options: AddOptions, card: Placed): Spot {
  const edge = options.onEdge === undefined ? undefined : model.edges.get(options.onEdge);
  const pointed = pointOf(canvas, options);
  if (edge && !(pointed && isFree(model, canvas, edge, { ...pointed, width: CARD.width, height: card.height }))) {
    const between = betweenEnds(model, canvas, edge, card);
    if (between) return between;
  }
  const neighbour = edge ? sourceOf(edge).node : (options.after?.node ?? options.before);
  const at = snapped(pointed ?? besides(canvas, options));
  const parent = parentFor(model, canvas, options, neighbour, at);
  const place = apart(standing(model, canvas, parent), { ...at, width: CARD.width, height: card.height });
  const room = new Room(model, canvas);
  room.around({ ...place, width: CARD.width, height: card.height }, parent);
  return { place, parent, others: room.places };
}

/** Whether a card that somebody put on a wire may stay where it was put. */
export function isFree(model: FlowModel, canvas: Canvas, edge: EdgeEntry, area: Area, id?: string): boolean {
  const parent = model.nodes.get(edge.to)?.parent ?? null;
  const roomy = { ...area, x: area.x - NEAR, width: area.width + 2 * NEAR };
  return !standing(model, canvas, parent, id).some(({ box }) => overlap(roomy, box));
}

/** Between the ends of a wire with the usual gaps; the target and what follows it make room. */
export function betweenEnds(model: FlowModel, canvas: Canvas, edge: EdgeEntry, card: Placed): Spot | null {
  const [from, to] = [sourceOf(edge).node, edge.to];
  const parent = model.nodes.get(to)?.parent ?? null;
  const [source, target] = [canvas.rect(from), canvas.rect(to)];
  if (!source || !target) return null;
  const middle = (source.y + target.y) / 2;
  const end = source.x + source.width;
  // A wire that runs back has no room between its ends that could be widened.
  if (target.x < source.x + source.width / 2) return null;
  const space = target.x - end - CARD.width;
  const x = space >= 2 * GAP_X ? end + space / 2 : end + GAP_X;
  const by = Math.max(0, snapped({ x: x + CARD.width + GAP_X - target.x, y: 0 }).x);
  const room = new Room(model, canvas);
  const rows = [middle, target.y, source.y].map((y) => ({ ...snapped({ x, y }), width: CARD.width, height: card.height }));
  const others = standing(model, canvas, parent, card.id).filter(({ id }) => id !== to);
  const free = rows.find((row) => !others.some(({ box }) => overlap(row, box)));
  const place = free ?? { ...rows[0] as Area, ...apart(others, rows[0] as Area) };
  room.push(to, by, place, parent, from);
  if (card.id) room.places.delete(card.id);
  return { place: { x: place.x, y: place.y }, parent, others: room.places };
}

function pointOf(canvas: Canvas, options: AddOptions): Point | null {
  const at = options.at ?? (options.client ? canvas.toFlow(options.client.x, options.client.y) : null);
  return at ? { x: at.x - HOLD.x, y: at.y - HOLD.y } : null;
}

function besides(canvas: Canvas, options: AddOptions): Point {
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
function apart(others: readonly Standing[], area: Area): Place {
  let { y } = area;
  for (let tries = 0; tries <= others.length; tries += 1) {
    const hit = others.find(({ box }) => overlap({ ...area, y }, box));
    if (!hit) break;
    y = Math.ceil((hit.box.y + hit.box.height + GAP_Y) / GRID) * GRID;
  }
  return { x: area.x, y };
}

interface Standing {
  readonly id: string;
  readonly box: Area;
}

/** What a card in `parent` must not lie on: all but frames, and the boxes that it is in. */
function standing(model: FlowModel, canvas: Canvas, parent: string | null, without?: string): Standing[] {
  const around = new Set<string>();
  for (let at = parent; at !== null; at = model.nodes.get(at)?.parent ?? null) around.add(at);
  return [...model.nodes.keys()].flatMap((id) => {
    if (id === without || canvas.element(id)?.matches("[data-frame]") !== false) return [];
    const box = around.has(id) ? headOf(model, canvas, id) : canvas.rect(id);
    return box ? [{ id, box }] : [];
  });
}

/** Of a container that holds nothing yet: its card, which stands above what is put in. */
function headOf(model: FlowModel, canvas: Canvas, id: string): Area | null {
  return model.withInside([id]).size > 1 ? null : canvas.rect(id);
}

function snapped(at: Point): Place {
  return { x: Math.round(at.x / GRID) * GRID, y: Math.round(at.y / GRID) * GRID };
}

/** Places for what is put into a container without being dragged, or is taken out of it. */
export function within(
  model: FlowModel, canvas: Canvas, ids: readonly string[], container: string | null,
): Map<string, Place> {
  const outer = container ?? outermost(model, ids);
  const box = outer === null ? null : canvas.rect(outer);
  const places = new Map<string, Place>();
  if (!box) return places;
  const left = container === null ? box.x : box.x + WITHIN;
  let y = box.y + box.height + WITHIN;
  for (const id of ids) {
    const now = canvas.rect(id);
    if (!now) continue;
    const by = { x: Math.round((left - now.x) / 10) * 10, y: Math.round((y - now.y) / 10) * 10 };
    for (const inner of model.withInside([id])) {
      const at = model.places.get(inner) ?? canvas.rect(inner) ?? now;
      places.set(inner, { x: at.x + by.x, y: at.y + by.y });
    }
    y += now.height + WITHIN;
  }
  return places;
}

function outermost(model: FlowModel, ids: readonly string[]): string | null {
  let at = model.nodes.get(ids[0] ?? "")?.parent ?? null;
  for (let up = at; up !== null; up = model.nodes.get(up)?.parent ?? null) at = up;
  return at;
}
