// What a press on the canvas is about: a card, a port, a wire, a corner, or the ground.
import { Connect } from "./connect";
import { CardDrag } from "./drag";
import type { EdgeTools } from "./edge-tools";
import type { Gesture } from "./gesture";
import type { Guides } from "./guides";
import { Marquee } from "./marquee";
import { Resize } from "./resize";
import type { Stage } from "./stage";
import type { Loose, Point } from "./types";

/** These have a use of their own on a card. */
export const OWN = "button, a, input, textarea, select, [contenteditable], [data-no-drag]";

export interface Press {
  id: number;
  touch: boolean;
  start: Point;
  /** What a drag from here does; none moves the view. */
  drag: (() => Gesture) | null;
  /** What letting go without a drag does. */
  tap: () => void;
}

type Make = (drag: Press["drag"], tap?: Press["tap"]) => Press;

export class PressReader {
  constructor(
    private readonly stage: Stage,
    private readonly tools: EdgeTools,
    private readonly guides: Guides,
  ) {}

  /** What a press here is about; null leaves it to the page. */
  read(event: PointerEvent, panKey: boolean): Press | null {
    // Not `event.target`: the cards may have caught up with the view only now.
    const target = document.elementFromPoint(event.clientX, event.clientY);
    if (!target) return null;
    const start = { x: event.clientX, y: event.clientY };
    const touch = event.pointerType === "touch";
    const press = (drag: Press["drag"], tap: Press["tap"] = () => {}): Press => ({
      id: event.pointerId,
      touch,
      start,
      drag,
      tap,
    });
    if (event.button === 1 || panKey) return press(null);
    const { stage, tools } = this;
    const edge = tools.edge;
    if (edge && target.closest("[data-edge-add]")) {
      return press(still, () => stage.host.addOnEdge(edge, start));
    }
    const grip = target.closest<HTMLElement>("[data-grip]")?.dataset["grip"];
    if (edge && grip) return press(() => this.rewire(edge, grip));
    if (target.closest(".canvas-tools, [data-canvas-minimap]")) return press(still);
    return this.card(event, target, press) ?? this.ground(event, target, press);
  }

  private card(event: PointerEvent, target: Element, press: Make): Press | null {
    const card = this.stage.cardOf(target);
    if (!card) return null;
    const { stage } = this;
    const { host, readOnly, selection } = stage;
    const start = { x: event.clientX, y: event.clientY };
    if (target.closest(OWN)) return press(still);
    const handle = target.closest<HTMLElement>("[data-handleid]");
    if (handle && !readOnly) {
      const port = handle.dataset["handleid"] ?? "";
      const out = handle.dataset["side"] === "out";
      const loose: Loose = out ? { node: card.id, port } : { to: card.id };
      const tap = out ? () => host.addOnPort(card.id, port, start) : undefined;
      return press(() => new Connect(stage, { loose }), tap);
    }
    const at = stage.viewport.toFlow(event.clientX, event.clientY);
    if (target.closest("[data-resize]") && !readOnly) {
      return press(() => new Resize(stage, card, at));
    }
    const more = event.shiftKey || event.ctrlKey || event.metaKey;
    if (!more && !selection.nodes.has(card.id)) selection.set([card.id]);
    const drag = (): Gesture => {
      if (more) selection.set([card.id], [], true);
      return new CardDrag(stage, this.guides, card, at);
    };
    const tap = () => (more ? selection.toggle(card.id) : selection.set([card.id]));
    return press(readOnly ? null : drag, tap);
  }

  private ground(event: PointerEvent, target: Element, press: Make): Press {
    const { stage } = this;
    const edge = stage.edgeOf(target);
    const more = event.shiftKey || event.ctrlKey || event.metaKey;
    const at = stage.viewport.toFlow(event.clientX, event.clientY);
    const marquee = () => new Marquee(stage, at, event.ctrlKey || event.metaKey);
    const tap = () => {
      if (!edge) stage.selection.set([]);
      else if (more) stage.selection.toggleEdge(edge);
      else stage.selection.set([], [edge]);
    };
    return press(event.shiftKey ? marquee : null, tap);
  }

  private rewire(edge: string, grip: string): Gesture {
    const wire = this.stage.edges.wires.get(edge)?.edge;
    this.tools.hide();
    if (!wire) return still();
    const loose = grip === "to" ? { node: wire.source, port: wire.port } : { to: wire.target };
    return new Connect(this.stage, { loose, edge });
  }
}

/** A press that neither drags anything nor moves the view. */
export const idle: Gesture = { move() {}, end() {}, cancel() {} };
const still = (): Gesture => idle;
