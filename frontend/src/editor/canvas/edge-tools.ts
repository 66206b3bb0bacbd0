// What a wire offers under the pointer or when selected: a `+` in its middle, grips at its ends.
import type { Wire } from "./edges";
import { alongCurve, clamp } from "./geometry";
import type { Stage } from "./stage";
import type { Point } from "./types";

/** Screen pixels from a port to the grip beside it. */
const GRIP = 20;
const LINGER = 260;

export class EdgeTools {
  /** The wire that the tools are for. */
  edge: string | null = null;
  private readonly box = document.createElement("div");
  private readonly add = document.createElement("button");
  private readonly grips = { from: grip("from"), to: grip("to") };
  private leaving = 0;

  constructor(private readonly stage: Stage) {
    this.box.className = "canvas-edge-tools";
    this.box.hidden = true;
    this.add.type = "button";
    this.add.tabIndex = -1;
    this.add.className = "canvas-edge-add";
    this.add.dataset["edgeAdd"] = "";
    this.add.setAttribute("aria-label", "Add a node on this wire");
    // The + lies over the grips, which meet it on a short wire.
    this.box.append(this.grips.from, this.grips.to, this.add);
    stage.over.append(this.box);
    stage.root.addEventListener("pointerover", (event) => this.onOver(event));
    stage.painters.push(() => this.place());
  }

  hide(): void {
    clearTimeout(this.leaving);
    this.leaving = 0;
    if (this.edge) this.stage.edges.mark(this.edge, "data-hover", false);
    this.edge = null;
    this.box.hidden = true;
  }

  private onOver(event: PointerEvent): void {
    if (event.buttons) return;
    const over = this.stage.edgeOf(event.target);
    if (over) this.show(over);
    else if (event.target instanceof Element && this.box.contains(event.target)) this.stay();
    else if (this.edge) this.leave();
  }

  private show(edge: string): void {
    this.stay();
    if (edge === this.edge) return;
    this.hide();
    this.edge = edge;
    this.stage.edges.mark(edge, "data-hover", true);
    this.box.hidden = this.stage.readOnly;
    this.place();
  }

  private stay(): void {
    clearTimeout(this.leaving);
    this.leaving = 0;
  }

  private leave(): void {
    // The way from the wire to its tools may lead over nothing.
    this.leaving ||= window.setTimeout(() => {
      this.hide();
      const [selected, ...more] = this.stage.selection.edges;
      if (selected && !more.length) this.show(selected);
    }, LINGER);
  }

  private place(): void {
    const { selection, edges, viewport, readOnly } = this.stage;
    const shown = this.edge === null ? undefined : edges.wires.get(this.edge);
    if (shown && !this.hovers(shown) && !selection.edges.has(shown.edge.id)) this.edge = null;
    if (!this.edge && selection.edges.size === 1) this.edge = [...selection.edges][0] ?? null;
    const wire = this.edge === null ? undefined : edges.wires.get(this.edge);
    const meant = wire && (selection.edges.has(wire.edge.id) || this.hovers(wire));
    this.box.hidden = !meant || readOnly || viewport.far;
    if (!meant || this.box.hidden) return;
    const apart = Math.hypot(wire.to.x - wire.from.x, wire.to.y - wire.from.y) || 1;
    const t = clamp(GRIP / viewport.now.zoom / apart, 0.03, 0.17);
    this.put(this.add, alongCurve(wire.from, wire.to, 0.5));
    this.put(this.grips.from, alongCurve(wire.from, wire.to, t));
    this.put(this.grips.to, alongCurve(wire.from, wire.to, 1 - t));
  }

  private hovers(wire: Wire): boolean {
    return wire.group?.hasAttribute("data-hover") ?? false;
  }

  /** Of the same size on the screen at every zoom. */
  private put(element: HTMLElement, { x, y }: Point): void {
    const scale = 1 / this.stage.viewport.now.zoom;
    element.style.transform = `translate(${x}px, ${y}px) scale(${scale}) translate(-50%, -50%)`;
  }
}

function grip(end: "from" | "to"): HTMLElement {
  const made = document.createElement("span");
  made.className = "canvas-grip";
  made.dataset["grip"] = end;
  return made;
}
