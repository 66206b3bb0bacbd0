// The parts of a flow's draft in memory, and a journal that takes changes back exactly.
import { edgeKey, plainEdge, sourceOf } from "./ops.ts";
import type { EdgeEntry, FlowHead, Json, NodeEntry, Place } from "./ops.ts";

/** What changed: `edges` are keys (`from>to`), `order` says that nodes came or went. */
export interface Touched {
  nodes: Set<string>;
  edges: Set<string>;
  places: Set<string>;
  head: boolean;
  order: boolean;
  /** Nodes that have another id now, by the one they had. */
  renamed?: Map<string, string>;
}

export function nothingTouched(): Touched {
  return { nodes: new Set(), edges: new Set(), places: new Set(), head: false, order: false };
}

export function isTouched(touched: Touched): boolean {
  const { nodes, edges, places, head, order } = touched;
  return head || order || nodes.size + edges.size + places.size > 0;
}

/** Adds what another change touched. */
export function alsoTouched(touched: Touched, more: Touched): void {
  for (const id of more.nodes) touched.nodes.add(id);
  for (const key of more.edges) touched.edges.add(key);
  for (const id of more.places) touched.places.add(id);
  touched.head ||= more.head;
  touched.order ||= more.order;
  if (more.renamed) touched.renamed = new Map([...(touched.renamed ?? []), ...more.renamed]);
}

/** Every write goes through here, so that the journal and the indexes are always right. */
export class Draft {
  readonly nodes = new Map<string, NodeEntry>();
  readonly edges = new Map<string, EdgeEntry>();
  readonly places = new Map<string, Place>();
  readonly pins = new Map<string, Json>();
  head: FlowHead = Object.freeze({ name: "", description: "", settings: Object.freeze({}) });
  touched = nothingTouched();
  private journal: (() => void)[] = [];
  private ordered = new Set<Map<string, unknown>>();
  private readonly wires = new Map<string, Set<string>>();
  private readonly inside = new Map<string, Set<string>>();

  /** The keys of the edges that begin or end at a node. */
  wiresOf(id: string): ReadonlySet<string> {
    return this.wires.get(id) ?? new Set();
  }

  /** The ids of the nodes directly in a container. */
  childrenOf(id: string): ReadonlySet<string> {
    return this.inside.get(id) ?? new Set();
  }

  /** From here on changes are noted anew; what was noted is handed over. */
  begin(): { journal: (() => void)[]; touched: Touched } {
    const noted = { journal: this.journal, touched: this.touched };
    this.journal = [];
    this.ordered.clear();
    this.touched = nothingTouched();
    return noted;
  }

  /** Take back what was noted since `begin`. */
  back(): void {
    while (this.journal.length > 0) this.journal.pop()?.();
  }

  putNode(id: string, entry: NodeEntry | undefined): void {
    const before = this.nodes.get(id);
    if (entry === undefined) this.keepOrder(this.nodes);
    if (!before || !entry) this.touched.order = true;
    this.touched.nodes.add(id);
    this.journal.push(() => this.setNode(id, before));
    this.setNode(id, entry);
  }

  putEdge(key: string, edge: EdgeEntry | undefined): void {
    const before = this.edges.get(key);
    if (edge === undefined) this.keepOrder(this.edges);
    this.touched.edges.add(key);
    this.journal.push(() => this.setEdge(key, before));
    this.setEdge(key, edge);
  }

  putPlace(id: string, place: Place | undefined): void {
    this.touched.places.add(id);
    this.put(this.places, id, place);
  }

  putPin(id: string, value: Json | undefined): void {
    this.touched.nodes.add(id);
    this.put(this.pins, id, value);
  }

  putHead(head: FlowHead): void {
    const before = this.head;
    this.touched.head = true;
    this.journal.push(() => (this.head = before));
    this.head = head;
  }

  /** Give a node another name, with its edges, children, place and pin; all keep their order. */
  rename(id: string, to: string): void {
    const entry = this.nodes.get(id);
    if (!entry) return;
    const nodeOrder = [...this.nodes.keys()].map((key) => (key === id ? to : key));
    const renamed = new Map<string, EdgeEntry>();
    for (const key of this.wiresOf(id)) renamed.set(key, this.renamedEdge(key, id, to));
    const edgeOrder = [...this.edges.keys()].map((key) => {
      const edge = renamed.get(key);
      return edge ? edgeKey(edge) : key;
    });
    for (const key of renamed.keys()) this.putEdge(key, undefined);
    const [place, pin] = [this.places.get(id), this.pins.get(id)];
    if (place) this.putPlace(id, undefined);
    if (pin !== undefined) this.putPin(id, undefined);
    (this.touched.renamed ??= new Map()).set(id, to);
    this.putNode(id, undefined);
    this.putNode(to, Object.freeze({ ...entry, id: to }));
    for (const child of [...this.childrenOf(id)]) {
      const inner = this.nodes.get(child);
      if (inner) this.putNode(child, Object.freeze({ ...inner, parent: to }));
    }
    for (const edge of renamed.values()) this.putEdge(edgeKey(edge), edge);
    if (place) this.putPlace(to, place);
    if (pin !== undefined) this.putPin(to, pin);
    reorder(this.nodes, nodeOrder);
    reorder(this.edges, edgeOrder);
  }

  private renamedEdge(key: string, id: string, to: string): EdgeEntry {
    const edge = this.edges.get(key) as EdgeEntry;
    const { node, port } = sourceOf(edge);
    const from = `${node === id ? to : node}.${port}`;
    return Object.freeze(plainEdge({ from, to: edge.to === id ? to : edge.to }));
  }

  /** A map forgets where a key stood that is taken out: the order of before is noted. */
  private keepOrder(map: Map<string, unknown>): void {
    if (this.ordered.has(map)) return;
    this.ordered.add(map);
    const order = [...map.keys()];
    this.journal.push(() => reorder(map, order));
  }

  private put<Value>(map: Map<string, Value>, key: string, value: Value | undefined): void {
    const before = map.get(key);
    this.journal.push(() => set(map, key, before));
    set(map, key, value);
  }

  private setNode(id: string, entry: NodeEntry | undefined): void {
    const before = this.nodes.get(id)?.parent;
    if (before !== entry?.parent) {
      if (before !== undefined) drop(this.inside, before, id);
      if (entry?.parent !== undefined) add(this.inside, entry.parent, id);
    }
    set(this.nodes, id, entry);
  }

  private setEdge(key: string, edge: EdgeEntry | undefined): void {
    const known = edge ?? this.edges.get(key);
    set(this.edges, key, edge);
    if (!known) return;
    for (const id of new Set([sourceOf(known).node, known.to])) {
      if (edge) add(this.wires, id, key);
      else drop(this.wires, id, key);
    }
  }
}

function set<Value>(map: Map<string, Value>, key: string, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function add(index: Map<string, Set<string>>, id: string, member: string): void {
  const members = index.get(id);
  if (members) members.add(member);
  else index.set(id, new Set([member]));
}

function drop(index: Map<string, Set<string>>, id: string, member: string): void {
  index.get(id)?.delete(member);
}

function reorder<Value>(map: Map<string, Value>, order: readonly string[]): void {
  const values = new Map(map);
  map.clear();
  for (const key of order) set(map, key, values.get(key));
  for (const [key, value] of values) if (!map.has(key)) map.set(key, value);
}
