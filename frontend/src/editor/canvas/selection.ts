// What is selected: nodes and wires, shown on them and told to the page.
import type { Edges } from "./edges";
import type { Scene } from "./scene";
import type { CanvasHost } from "./types";

export class Selection {
  nodes: ReadonlySet<string> = new Set();
  edges: ReadonlySet<string> = new Set();

  constructor(
    private readonly scene: Scene,
    private readonly wires: Edges,
    private readonly host: CanvasHost,
    private readonly changed: () => void,
  ) {}

  set(nodes: Iterable<string>, edges: Iterable<string> = [], add = false): void {
    const known = new Set([...(add ? this.nodes : []), ...nodes]);
    const wires = new Set([...(add ? this.edges : []), ...edges]);
    for (const id of known) if (!this.scene.cards.has(id)) known.delete(id);
    for (const id of wires) if (!this.wires.wires.has(id)) wires.delete(id);
    if (same(known, this.nodes) && same(wires, this.edges)) return;
    const before = this.nodes;
    this.nodes = known;
    this.edges = wires;
    for (const id of new Set([...before, ...known])) this.mark(id);
    this.wires.select(wires);
    this.changed();
    this.host.selected(known, wires);
  }

  toggle(node: string): void {
    const nodes = new Set(this.nodes);
    if (!nodes.delete(node)) nodes.add(node);
    this.set(nodes, this.edges);
  }

  toggleEdge(edge: string): void {
    const edges = new Set(this.edges);
    if (!edges.delete(edge)) edges.add(edge);
    this.set(this.nodes, edges);
  }

  /** Show on a card whether it is selected: also after it was put in another's place. */
  mark(id: string): void {
    const element = this.scene.get(id)?.element;
    element?.toggleAttribute("data-selected", this.nodes.has(id));
  }

  /** Forget what is no longer there. */
  prune(): void {
    this.set(this.nodes, this.edges);
  }
}

const same = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((item) => b.has(item));
