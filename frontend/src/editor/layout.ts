// Tidy-up: places for cards in layers from left to right, containers as boxes around what they hold.
//
// The engine (dagre) is loaded when it is asked for. Boxes are as in flows/views/boxes.py.
import type { Place } from "./ops.ts";

/** Pixels between a box and what is in it; above that stands the head of the box. */
const BOX_PADDING = 28;
const GAP_X = 90;
const GAP_Y = 40;
/** Places are multiples of this. */
const GRID = 10;

/** A card as it is on the canvas; for a container that holds something: the head of its box. */
export interface Card {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly parent?: string;
  /** Notes and frames stay where they are. */
  readonly fixed?: boolean;
}

export interface Wire {
  readonly source: string;
  readonly target: string;
}

interface Box {
  readonly width: number;
  readonly height: number;
}

type Dagre = typeof import("@dagrejs/dagre");

/**
 * New places, in the order of the cards; cards that stay are left out. With a selection only its
 * cards move (containers with all that is in them), and their top left corner stays.
 */
export async function tidy(
  cards: readonly Card[],
  wires: readonly Wire[],
  selection?: ReadonlySet<string>,
): Promise<Map<string, Place>> {
  const dagre: Dagre = await import("@dagrejs/dagre");
  const arrangement = new Arrangement(dagre, cards, wires);
  const places = selection ? arrangement.some(selection) : arrangement.all();
  const moved = new Map<string, Place>();
  for (const card of cards) {
    const place = places.get(card.id);
    if (place && (place.x !== card.x || place.y !== card.y)) moved.set(card.id, place);
  }
  return moved;
}

class Arrangement {
  private readonly dagre: Dagre;
  private readonly wires: readonly Wire[];
  private readonly cards = new Map<string, Card>();
  private readonly inside = new Map<string, Card[]>();
  /** Where cards stand in their scope, and how large they and boxes are. */
  private readonly within = new Map<string, Place>();
  private readonly boxes = new Map<string, Box>();

  constructor(dagre: Dagre, cards: readonly Card[], wires: readonly Wire[]) {
    this.dagre = dagre;
    this.wires = wires;
    for (const card of cards) this.cards.set(card.id, card);
    for (const card of cards) {
      const scope = this.scopeOf(card);
      this.inside.set(scope, [...(this.inside.get(scope) ?? []), card]);
    }
  }

  all(): Map<string, Place> {
    const cards = this.inside.get("") ?? [];
    this.arrange(cards);
    const places = new Map<string, Place>();
    this.put(cards, cornerOf(cards), places);
    return places;
  }

  some(selection: ReadonlySet<string>): Map<string, Place> {
    const scopes = new Map<string, Card[]>();
    for (const id of selection) {
      const card = this.cards.get(id);
      if (!card || card.fixed || this.isHeldBy(card, selection)) continue;
      scopes.set(this.scopeOf(card), [...(scopes.get(this.scopeOf(card)) ?? []), card]);
    }
    const places = new Map<string, Place>();
    for (const chosen of scopes.values()) {
      const ids = new Set(chosen.map(({ id }) => id));
      const cards = [...this.cards.values()].filter(({ id }) => ids.has(id));
      this.arrange(cards);
      this.put(cards, cornerOf(cards), places);
    }
    return places;
  }

  private scopeOf(card: Card): string {
    return card.parent !== undefined && this.cards.has(card.parent) ? card.parent : "";
  }

  private isHeldBy(card: Card, selection: ReadonlySet<string>): boolean {
    let scope = this.scopeOf(card);
    while (scope !== "" && !selection.has(scope)) {
      scope = this.scopeOf(this.cards.get(scope) as Card);
    }
    return scope !== "";
  }

  /** Places for cards of one scope, after what is in them; the corner of all of them is 0, 0. */
  private arrange(cards: readonly Card[]): void {
    const moving = cards.filter(({ fixed }) => !fixed);
    for (const card of moving) this.boxes.set(card.id, this.boxOf(card));
    const { Graph } = this.dagre.graphlib;
    const graph = new Graph({ multigraph: false, compound: false });
    graph.setGraph({ rankdir: "LR", nodesep: GAP_Y, ranksep: GAP_X, marginx: 0, marginy: 0 });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const card of moving) graph.setNode(card.id, { ...(this.boxes.get(card.id) as Box) });
    for (const { source, target } of this.wires) {
      const isInner = graph.hasNode(source) && graph.hasNode(target) && source !== target;
      if (isInner) graph.setEdge(source, target);
    }
    if (moving.length > 0) this.dagre.layout(graph);
    const centres = new Map<string, Place>();
    for (const { id } of moving) centres.set(id, graph.node(id) as unknown as Place);
    this.keep(centres);
  }

  /** Upside down where that has more of the first branches above; it crosses as many wires. */
  private keep(centres: ReadonlyMap<string, Place>): void {
    const whole = bottomOf(centres, this.boxes);
    const isMirrored = this.firstAbove(centres) < 0;
    for (const [id, { x, y }] of centres) {
      const { width, height } = this.boxes.get(id) as Box;
      const middle = isMirrored ? whole - y : y;
      this.within.set(id, { x: snapped(x - width / 2), y: snapped(middle - height / 2) });
    }
  }

  /** How many neighbouring branches stand in the order of their wires, less those that do not. */
  private firstAbove(centres: ReadonlyMap<string, Place>): number {
    const last = new Map<string, number>();
    let sum = 0;
    for (const { source, target } of this.wires) {
      const at = centres.get(target);
      if (!at || !centres.has(source)) continue;
      const before = last.get(source);
      if (before !== undefined) sum += Math.sign(at.y - before);
      last.set(source, at.y);
    }
    return sum;
  }

  private boxOf(card: Card): Box {
    const inside = (this.inside.get(card.id) ?? []).filter(({ fixed }) => !fixed);
    if (inside.length === 0) return { width: card.width, height: card.height };
    this.arrange(inside);
    const right = Math.max(...inside.map(({ id }) => this.far(id, "x", "width")));
    const bottom = Math.max(...inside.map(({ id }) => this.far(id, "y", "height")));
    return {
      width: Math.max(card.width, right + 2 * BOX_PADDING),
      height: bottom + 2 * BOX_PADDING + card.height,
    };
  }

  private far(id: string, side: "x" | "y", size: "width" | "height"): number {
    return (this.within.get(id)?.[side] ?? 0) + (this.boxes.get(id)?.[size] ?? 0);
  }

  /** Absolute places for cards and all that is in them, from the corner of their scope. */
  private put(cards: readonly Card[], corner: Place, places: Map<string, Place>): void {
    for (const card of cards) {
      const at = this.within.get(card.id);
      if (!at || card.fixed) continue;
      const place = { x: snapped(corner.x + at.x), y: snapped(corner.y + at.y) };
      places.set(card.id, place);
      const inside = this.inside.get(card.id) ?? [];
      const top = place.y + card.height + BOX_PADDING;
      // The next of the grid, so that no box is narrower than its padding.
      const inner = { x: next(place.x + BOX_PADDING), y: next(top) };
      this.put(inside, inner, places);
    }
  }
}

function bottomOf(centres: ReadonlyMap<string, Place>, boxes: ReadonlyMap<string, Box>): number {
  const bottoms = [...centres].map(([id, { y }]) => y + (boxes.get(id)?.height ?? 0) / 2);
  return Math.max(0, ...bottoms);
}

function cornerOf(cards: readonly Card[]): Place {
  const moving = cards.filter(({ fixed }) => !fixed);
  if (moving.length === 0) return { x: 0, y: 0 };
  const x = Math.min(...moving.map((card) => card.x));
  const y = Math.min(...moving.map((card) => card.y));
  return { x: snapped(x), y: snapped(y) };
}

function snapped(value: number): number {
  // Never -0, which JSON cannot say.
  return Math.round(value / GRID) * GRID + 0;
}

function next(value: number): number {
  return Math.ceil(value / GRID) * GRID;
}
