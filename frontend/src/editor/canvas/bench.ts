// The canvas alone, for tests and measurements: a list of wires in memory, and every intent told
// on the document as "flux:intent". The canvas itself hangs on its element as `fluxCanvas`.
import { Canvas, type CanvasEdge, type CanvasHost, type Place, type PortRef } from "./index";

interface Written {
  from: string;
  to: string;
}

class Bench implements CanvasHost {
  readonly canvas: Canvas;
  private readonly edges = new Map<string, CanvasEdge>();

  constructor(root: HTMLElement) {
    this.canvas = new Canvas(root, this);
    Object.assign(root, { fluxCanvas: this.canvas });
    for (const card of root.querySelectorAll<HTMLElement>("[data-canvas-cards] > [data-node]")) {
      const { x, y, width, height } = card.dataset;
      const size = width && height ? { width: Number(width), height: Number(height) } : {};
      this.canvas.setCard(card, { x: Number(x), y: Number(y), ...size });
    }
    for (const edge of writtenEdges()) this.keep(edge.from, edge.to);
    this.canvas.setEdges(this.edges.values());
    this.canvas.start();
    document.addEventListener("keydown", (event) => this.onKey(event));
    root.dataset["ready"] = "";
  }

  moved(places: Map<string, Place>, how: "drag" | "keys"): void {
    this.tell("moved", { places: Object.fromEntries(places), how });
  }

  resized(id: string, place: Place): void {
    this.tell("resized", { id, place });
  }

  connect(from: PortRef, to: string): void {
    this.tell("connect", { from, to });
    this.canvas.setEdge(this.keep(`${from.node}.${from.port}`, to));
  }

  reconnect(edge: string, end: { from: PortRef } | { to: string }): void {
    this.tell("reconnect", { edge, end });
    const before = this.edges.get(edge);
    if (!before) return;
    this.drop(edge);
    const from = "from" in end ? end.from : { node: before.source, port: before.port };
    const to = "to" in end ? end.to : before.target;
    this.canvas.setEdge(this.keep(`${from.node}.${from.port}`, to));
  }

  disconnect(edge: string): void {
    this.tell("disconnect", { edge });
    this.drop(edge);
  }

  canConnect(from: PortRef, to: string, without?: string): true | string {
    if (from.node === to) return "A node cannot be connected to itself.";
    if (!this.canvas.element(to)?.querySelector("[data-side=in]")) {
      return "Nothing goes into this node.";
    }
    const edges = [...this.edges.values()].filter((edge) => edge.id !== without);
    if (edges.some((edge) => edge.source === from.node && edge.port === from.port && edge.target === to)) {
      return "These are connected already.";
    }
    return leads(edges, to, from.node) ? "That would go in a circle: use a loop." : true;
  }

  connectDropped(...[loose, at, client]: Parameters<CanvasHost["connectDropped"]>): void {
    this.tell("connectDropped", { loose, at, client });
  }

  droppedOnEdge(node: string, edge: string, places: Map<string, Place>): void {
    this.tell("droppedOnEdge", { node, edge, places: Object.fromEntries(places) });
    const before = this.edges.get(edge);
    if (!before) return;
    this.drop(edge);
    this.canvas.setEdge(this.keep(`${before.source}.${before.port}`, node));
    this.canvas.setEdge(this.keep(node, before.target));
  }

  droppedInto(nodes: string[], container: string | null, places: Map<string, Place>): void {
    this.tell("droppedInto", { nodes, container, places: Object.fromEntries(places) });
    for (const id of nodes) {
      const card = this.canvas.element(id);
      const place = places.get(id);
      if (!card || !place) continue;
      if (container) card.dataset["parent"] = container;
      else delete card.dataset["parent"];
      this.canvas.setCard(card, place);
    }
  }

  selected(nodes: ReadonlySet<string>, edges: ReadonlySet<string>): void {
    this.tell("selected", { nodes: [...nodes], edges: [...edges] });
  }

  opened(id: string): void {
    this.tell("opened", { id });
  }

  menu(...[target, client]: Parameters<CanvasHost["menu"]>): void {
    this.tell("menu", { target, client });
  }

  emptyDoubleClick(...[at, client]: Parameters<CanvasHost["emptyDoubleClick"]>): void {
    this.tell("emptyDoubleClick", { at, client });
  }

  addOnPort(...[node, port, client]: Parameters<CanvasHost["addOnPort"]>): void {
    this.tell("addOnPort", { node, port, client });
  }

  addOnEdge(...[edge, client]: Parameters<CanvasHost["addOnEdge"]>): void {
    this.tell("addOnEdge", { edge, client });
  }

  viewChanged(...[view]: Parameters<CanvasHost["viewChanged"]>): void {
    this.tell("viewChanged", { view });
  }

  private keep(from: string, to: string): CanvasEdge {
    const [source = "", port = "out"] = from.split(".");
    const category = this.canvas.element(source)?.dataset["category"] ?? "";
    const edge = { id: `${source}.${port}>${to}`, source, port, target: to, category };
    this.edges.set(edge.id, edge);
    return edge;
  }

  private drop(id: string): void {
    this.edges.delete(id);
    this.canvas.removeEdge(id);
  }

  private tell(kind: string, about: object): void {
    const detail = { kind, ...about };
    document.dispatchEvent(new CustomEvent("flux:intent", { detail }));
  }

  /** The keys of the view, which the editor's page has in its own list of shortcuts. */
  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.code === "Digit1") this.canvas.fit();
    else if (event.code === "Digit2" && event.shiftKey) this.canvas.fit(this.canvas.selection);
    else if (event.key === "0") this.canvas.zoomTo(1);
    else if (event.key === "+" || event.key === "=") this.canvas.zoomBy(1.25);
    else if (event.key === "-") this.canvas.zoomBy(0.8);
    else if (event.key === "m") this.canvas.toggleMinimap();
    else if (event.key === "c") this.connectSelected();
  }

  private connectSelected(): void {
    const [id] = this.canvas.selection;
    const handle = id && this.canvas.element(id)?.querySelector<HTMLElement>("[data-side=out]");
    if (id && handle) this.canvas.startConnect(id, handle.dataset["handleid"] ?? "out");
  }
}

/** Whether one can get from a node to another along the wires. */
function leads(edges: CanvasEdge[], from: string, to: string): boolean {
  const targets = new Map<string, string[]>();
  for (const { source, target } of edges) {
    const known = targets.get(source);
    if (known) known.push(target);
    else targets.set(source, [target]);
  }
  const seen = new Set([from]);
  for (const node of seen) for (const next of targets.get(node) ?? []) seen.add(next);
  return seen.has(to);
}

function writtenEdges(): Written[] {
  const state = document.getElementById("flow-state")?.textContent ?? "{}";
  const { document: flow } = JSON.parse(state) as { document?: { edges?: Written[] } };
  return flow?.edges ?? [];
}

const root = document.querySelector<HTMLElement>("[data-canvas]");
if (root) new Bench(root);
