// The order in which people meet the nodes: along the wires, each container before what it holds.
import type { Card } from "./card";
import type { Edges } from "./edges";
import type { Scene } from "./scene";

export class GraphOrder {
  constructor(
    private readonly scene: Scene,
    private readonly edges: Edges,
  ) {}

  all(): string[] {
    this.scene.ready();
    const scopes = new Map<string, Card[]>();
    for (const card of this.scene.cards.values()) {
      const scope = this.scene.get(card.parent) ? card.parent : "";
      const cards = scopes.get(scope);
      if (cards) cards.push(card);
      else scopes.set(scope, [card]);
    }
    const found: string[] = [];
    const walk = (scope: string): void => {
      for (const id of this.along(scopes.get(scope) ?? [])) {
        found.push(id);
        if (scopes.has(id)) walk(id);
      }
    };
    walk("");
    return found;
  }

  /** The node before or after in the graph, or beside it in the same fork. */
  step(id: string, way: "before" | "after" | "above" | "below"): string | null {
    const card = this.scene.measured(id);
    if (!card) return null;
    if (way === "after") return this.first(this.edges.leaving(id).map(({ edge }) => edge.target));
    if (way === "before") return this.first(this.edges.arriving(id).map(({ edge }) => edge.source));
    const beside = this.siblings(id).filter((other) =>
      way === "above" ? other.rect.y < card.rect.y : other.rect.y > card.rect.y,
    );
    beside.sort((a, b) => Math.abs(a.rect.y - card.rect.y) - Math.abs(b.rect.y - card.rect.y));
    return beside[0]?.id ?? null;
  }

  private first(ids: string[]): string | null {
    const cards = ids.flatMap((id) => this.scene.get(id) ?? []);
    return cards.sort(byPlace)[0]?.id ?? null;
  }

  /** Nodes that share a source or a target; where there are none, those in the same column. */
  private siblings(id: string): Card[] {
    const ids = new Set<string>();
    for (const { edge } of this.edges.arriving(id)) {
      for (const other of this.edges.leaving(edge.source)) ids.add(other.edge.target);
    }
    for (const { edge } of this.edges.leaving(id)) {
      for (const other of this.edges.arriving(edge.target)) ids.add(other.edge.source);
    }
    ids.delete(id);
    const cards = [...ids].flatMap((one) => this.scene.get(one) ?? []);
    const card = this.scene.get(id);
    if (cards.length || !card) return cards;
    const { x, width } = card.rect;
    return [...this.scene.cards.values()].filter(
      (other) => other !== card && other.rect.x < x + width && x < other.rect.x + other.rect.width,
    );
  }

  /** Each node after all that lead to it; what the wires leave open goes by place. */
  private along(cards: Card[]): string[] {
    const here = new Map(cards.sort(byPlace).map((card) => [card.id, card]));
    const missing = new Map<string, number>();
    for (const id of here.keys()) {
      const before = this.edges.arriving(id).filter(({ edge }) => here.has(edge.source));
      missing.set(id, before.length);
    }
    const found = new Set<string>();
    // The next one is the last.
    const ready = [...here.keys()].filter((id) => !missing.get(id)).reverse();
    const byPlaceAlone = here.keys();
    while (found.size < here.size) {
      // In a circle none is ready: go on with the first by place.
      const next: string | undefined = ready.pop() ?? byPlaceAlone.next().value;
      if (next === undefined) break;
      if (found.has(next)) continue;
      found.add(next);
      const freed = this.edges.leaving(next).flatMap(({ edge }) => {
        const left = (missing.get(edge.target) ?? 0) - 1;
        missing.set(edge.target, left);
        return left === 0 ? (here.get(edge.target) ?? []) : [];
      });
      // Along a branch to its end before the next one.
      ready.push(...freed.sort(byPlace).map((card) => card.id).reverse());
    }
    return [...found];
  }
}

const byPlace = (a: Card, b: Card): number => a.rect.y - b.rect.y || a.rect.x - b.rect.x;
