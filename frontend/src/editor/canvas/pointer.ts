// Decides what a press on the canvas means and follows it until it is let go.
import type { EdgeTools } from "./edge-tools";
import type { Gesture, Held } from "./gesture";
import { Guides } from "./guides";
import { Pinch } from "./pinch";
import { idle, OWN, type Press, PressReader } from "./press";
import type { Stage } from "./stage";
import type { MenuTarget, Point } from "./types";
import { edgePan } from "./xyflow";

const SLOP = { mouse: 4, touch: 9 };
const LONG_PRESS = 520;

export class Pointer {
  private press: Press | null = null;
  private gesture: Gesture | null = null;
  private held: Held = { client: { x: 0, y: 0 }, alt: false };
  private panKey = false;
  private longPress = 0;
  private pressedLongAt = -Infinity;
  private panning = 0;
  private readonly reader: PressReader;
  private readonly pinch: Pinch;
  private readonly ends = new AbortController();

  constructor(
    private readonly stage: Stage,
    private readonly tools: EdgeTools,
  ) {
    this.reader = new PressReader(stage, tools, new Guides(stage.over));
    this.pinch = new Pinch(stage.viewport);
    const { root } = stage;
    const { signal } = this.ends;
    const early = { capture: true, passive: false, signal };
    root.addEventListener("pointerdown", (event) => this.onDown(event), early);
    // The engine listens to these two: what is not about the view does not reach it.
    for (const kind of ["mousedown", "touchstart"] as const) {
      root.addEventListener(kind, (event) => this.shield(event), early);
    }
    window.addEventListener("pointermove", (event) => this.onMove(event), { signal });
    window.addEventListener("pointerup", (event) => this.onUp(event), { signal });
    window.addEventListener("pointercancel", (event) => this.onUp(event, true), { signal });
    document.addEventListener("keydown", (event) => this.onKey(event), { capture: true, signal });
    document.addEventListener("keyup", (event) => this.onKeyUp(event), { signal });
    window.addEventListener("blur", () => this.setPanKey(false), { signal });
    root.addEventListener("contextmenu", (event) => this.onMenu(event), { signal });
    root.addEventListener("dblclick", (event) => this.onDouble(event), { signal });
    root.addEventListener("dragstart", (event) => event.preventDefault(), { signal });
    root.addEventListener("wheel", (event) => this.onWheel(event), early);
  }

  stop(): void {
    this.cancel();
    this.ends.abort();
  }

  /** Give up what is being done. */
  cancel(): void {
    this.gesture?.cancel();
    this.release();
  }

  private onDown(event: PointerEvent): void {
    this.stage.viewport.measure();
    if (event.pointerType === "touch" && this.pinch.down(event, Boolean(this.press?.drag))) {
      this.cancel();
      return;
    }
    if (this.press || event.button > 1) return;
    this.stage.viewport.catchUp();
    const press = this.reader.read(event, this.panKey);
    if (!press) return;
    this.press = press;
    this.held = hold(event);
    if (press.touch) this.awaitLongPress(event.target, press.start);
  }

  private shield(event: MouseEvent | TouchEvent): void {
    // The browser's own scrolling by middle mouse button would get in the way.
    if ("button" in event && event.button === 1) event.preventDefault();
    if (this.press?.drag || this.pinch.active) event.stopImmediatePropagation();
  }

  private onMove(event: PointerEvent): void {
    if (this.pinch.move(event)) return;
    const { press } = this;
    if (!press || press.id !== event.pointerId) return;
    this.held = hold(event);
    if (!this.gesture) {
      const { x, y } = press.start;
      const moved = Math.hypot(event.clientX - x, event.clientY - y);
      if (moved < (press.touch ? SLOP.touch : SLOP.mouse)) return;
      clearTimeout(this.longPress);
      if (!press.drag) {
        this.release();
        return;
      }
      this.tools.hide();
      this.gesture = press.drag();
      this.panning = requestAnimationFrame(() => this.panAtEdge());
    }
    this.gesture.move(this.held);
  }

  private onUp(event: PointerEvent, lost = false): void {
    this.pinch.up(event);
    const { press, gesture } = this;
    if (!press || press.id !== event.pointerId) return;
    this.release();
    if (lost) gesture?.cancel();
    else if (gesture) gesture.end(hold(event));
    else press.tap();
  }

  private release(): void {
    clearTimeout(this.longPress);
    cancelAnimationFrame(this.panning);
    this.press = null;
    this.gesture = null;
  }

  private panAtEdge(): void {
    const { gesture, stage } = this;
    if (!gesture) return;
    const { x, y } = edgePan(this.held.client, stage.viewport.bounds);
    if (gesture !== idle && (x || y)) {
      stage.viewport.panBy(x, y);
      gesture.move(this.held);
    }
    this.panning = requestAnimationFrame(() => this.panAtEdge());
  }

  private awaitLongPress(target: EventTarget | null, client: Point): void {
    clearTimeout(this.longPress);
    this.longPress = window.setTimeout(() => {
      this.cancel();
      this.pressedLongAt = performance.now();
      this.openMenu(target, client);
    }, LONG_PRESS);
  }

  private onMenu(event: MouseEvent): void {
    if (event.target instanceof Element && event.target.closest("input, textarea")) return;
    event.preventDefault();
    // Where the browser tells of a long press too, one menu is enough.
    if (performance.now() - this.pressedLongAt < 1_000) return;
    this.cancel();
    this.openMenu(event.target, { x: event.clientX, y: event.clientY });
  }

  private openMenu(target: EventTarget | null, client: Point): void {
    const { stage } = this;
    const node = stage.cardOf(target)?.id;
    // A wire's tools stand for the wire.
    const onTools = target instanceof Element && target.closest(".canvas-edge-tools") !== null;
    const edge = (onTools && this.tools.edge) || stage.edgeOf(target);
    const meant: MenuTarget = node ? { node } : edge ? { edge } : { canvas: true };
    if (node && !stage.selection.nodes.has(node)) stage.selection.set([node]);
    if (edge && !stage.selection.edges.has(edge)) stage.selection.set([], [edge]);
    stage.host.menu(meant, client);
  }

  private onDouble(event: MouseEvent): void {
    const { target } = event;
    if (!(target instanceof Element)) return;
    if (target.closest(`${OWN}, [data-handleid], .canvas-tools, [data-canvas-minimap]`)) return;
    const card = this.stage.cardOf(target);
    if (card) this.stage.host.opened(card.id);
    else if (!this.stage.edgeOf(target)) {
      const client = { x: event.clientX, y: event.clientY };
      this.stage.host.emptyDoubleClick(this.stage.viewport.toFlow(client.x, client.y), client);
    }
  }

  /** The engine knows Ctrl+wheel and pinch; the Mac's Cmd+wheel is the same. */
  private onWheel(event: WheelEvent): void {
    if (!event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { viewport } = this.stage;
    const { x, y } = viewport.bounds;
    const at = { x: event.clientX - x, y: event.clientY - y };
    viewport.zoomTo(viewport.now.zoom * 2 ** (-event.deltaY * 0.002), at, false);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === "Escape" && this.gesture) {
      event.preventDefault();
      event.stopPropagation();
      this.cancel();
    }
    if (event.code !== "Space" || event.repeat || event.ctrlKey || event.metaKey) return;
    const { target } = event;
    const { root } = this.stage;
    const ours = target === root || target === document.body || this.stage.cardOf(target);
    if (!ours || (target instanceof Element && target.closest(OWN))) return;
    event.preventDefault();
    this.setPanKey(true);
  }

  private onKeyUp(event: KeyboardEvent): void {
    if (event.code === "Space") this.setPanKey(false);
  }

  private setPanKey(on: boolean): void {
    this.panKey = on;
    this.stage.root.toggleAttribute("data-pan-key", on);
  }
}

const hold = (event: PointerEvent): Held => ({
  client: { x: event.clientX, y: event.clientY },
  alt: event.altKey,
});
