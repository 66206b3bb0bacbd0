// The wires: drawn for what is in sight, again only where a card has moved.
import type { Card } from "./card";
import { curve, curveBox, overlaps } from "./geometry";
import type { Scene } from "./scene";
import type { CanvasEdge, EdgeFlow, Point, Rect } from "./types";
import type { Viewport } from "./viewport";

const SVG = "http://www.w3.org/2000/svg";
const NEAR = 200;

export interface Wire {
  edge: CanvasEdge;
  flow: EdgeFlow;
  from: Point;
  to: Point;
  box: Rect;
  /** Made when it is first in sight. */
  group: SVGGElement | null;
  shown: boolean;
  /** Its path is not the one it should have now. */
  stale: boolean;
}

export class Edges {
  readonly wires = new Map<string, Wire>();
  private readonly byNode = new Map<string, Set<Wire>>();
  private selected: ReadonlySet<string> = new Set();
  /** How many of them a run has reached. */
  private lit = 0;

  constructor(
    private readonly svg: SVGSVGElement,
    private readonly scene: Scene,
    private readonly viewport: Viewport,
  ) {}

  set(edge: CanvasEdge): void {
    const flow = this.wires.get(edge.id)?.flow ?? "";
    this.remove(edge.id);
    const nowhere = { x: 0, y: 0 };
    const wire: Wire = {
      edge,
      flow,
      from: nowhere,
      to: nowhere,
      box: { ...nowhere, width: 0, height: 0 },
      group: null,
      shown: false,
      stale: true,
    };
    this.wires.set(edge.id, wire);
    if (flow) this.lit += 1;
    for (const node of [edge.source, edge.target]) {
      const at = this.byNode.get(node);
      if (at) at.add(wire);
      else this.byNode.set(node, new Set([wire]));
    }
    this.markPorts(edge);
    this.place(wire);
  }

  remove(id: string): void {
    const wire = this.wires.get(id);
    if (!wire) return;
    this.wires.delete(id);
    if (wire.flow) this.lit -= 1;
    this.byNode.get(wire.edge.source)?.delete(wire);
    this.byNode.get(wire.edge.target)?.delete(wire);
    wire.group?.remove();
    this.markPorts(wire.edge);
  }

  of(node: string): Iterable<Wire> {
    return this.byNode.get(node) ?? [];
  }

  leaving(node: string, port?: string): Wire[] {
    return [...this.of(node)].filter(
      ({ edge }) => edge.source === node && (port === undefined || edge.port === port),
    );
  }

  arriving(node: string): Wire[] {
    return [...this.of(node)].filter(({ edge }) => edge.target === node);
  }

  /** Whether a run has reached any of them. */
  get hasRun(): boolean {
    return this.lit > 0;
  }

  /** Whether that is another one than before. */
  setFlow(id: string, flow: EdgeFlow): boolean {
    const wire = this.wires.get(id);
    if (!wire || wire.flow === flow) return false;
    this.lit += Number(flow !== "") - Number(wire.flow !== "");
    wire.flow = flow;
    if (wire.group) wire.group.dataset["flow"] = flow;
    return true;
  }

  select(ids: ReadonlySet<string>): void {
    const before = this.selected;
    this.selected = ids;
    for (const id of [...before, ...ids]) this.mark(id, "data-selected", ids.has(id));
  }

  mark(id: string, attribute: string, on: boolean): void {
    this.wires.get(id)?.group?.toggleAttribute(attribute, on);
  }

  /** Draw the wires of cards that stand elsewhere. */
  follow(cards: Iterable<Card>): void {
    const wires = new Set<Wire>();
    for (const card of cards) for (const wire of this.of(card.id)) wires.add(wire);
    for (const wire of wires) this.place(wire);
  }

  /** Ports that have a wire look so; the others offer a `+`. */
  markCard(card: Card): void {
    const used = new Set(this.leaving(card.id).map(({ edge }) => edge.port));
    const fed = this.arriving(card.id).length > 0;
    for (const port of card.ports) {
      const wired = port.side === "in" ? fed : used.has(port.name);
      port.element.toggleAttribute("data-wired", wired);
    }
  }

  cull(): void {
    if (this.viewport.far) return;
    const near = this.viewport.visible(NEAR);
    for (const wire of this.wires.values()) this.show(wire, overlaps(near, wire.box));
  }

  private markPorts({ source, target }: CanvasEdge): void {
    for (const node of [source, target]) {
      const card = this.scene.get(node);
      if (card) this.markCard(card);
    }
  }

  private place(wire: Wire): void {
    const source = this.scene.get(wire.edge.source);
    const target = this.scene.get(wire.edge.target);
    if (!source || !target) {
      this.show(wire, false);
      return;
    }
    wire.from = source.pointAt("out", wire.edge.port);
    wire.to = target.pointAt("in", "in");
    wire.box = curveBox(wire.from, wire.to);
    wire.stale = true;
    if (this.viewport.far) return;
    this.show(wire, overlaps(this.viewport.visible(NEAR), wire.box));
  }

  private show(wire: Wire, shown: boolean): void {
    if (shown) {
      const group = (wire.group ??= this.make(wire));
      if (wire.stale) {
        const path = curve(wire.from, wire.to);
        for (const line of group.children) line.setAttribute("d", path);
        wire.stale = false;
      }
    }
    if (shown === wire.shown && (!shown || wire.group?.isConnected)) return;
    wire.shown = shown;
    if (shown && wire.group) this.svg.append(wire.group);
    else wire.group?.remove();
  }

  private make({ edge, flow }: Wire): SVGGElement {
    const group = document.createElementNS(SVG, "g");
    group.classList.add("canvas-edge");
    Object.assign(group.dataset, {
      edge: edge.id,
      source: edge.source,
      target: edge.target,
      category: edge.category,
      flow,
    });
    group.toggleAttribute("data-selected", this.selected.has(edge.id));
    for (const part of ["canvas-edge-hit", "canvas-edge-line"]) {
      const path = document.createElementNS(SVG, "path");
      path.classList.add(part);
      group.append(path);
    }
    return group;
  }
}
