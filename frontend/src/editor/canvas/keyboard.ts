// The keys that move about on the canvas: Tab along the graph, arrows nudge, Alt+arrows walk.
import type { GraphOrder } from "./order";
import type { Stage } from "./stage";
import type { Place } from "./types";

const STEP = 10;
const FAR = 100;
const PAN = 80;
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const WALK = {
  ArrowLeft: "before",
  ArrowRight: "after",
  ArrowUp: "above",
  ArrowDown: "below",
} as const;

export class Keyboard {
  private readonly ends = new AbortController();

  constructor(
    private readonly stage: Stage,
    private readonly order: GraphOrder,
    private readonly focus: (id: string) => void,
  ) {
    const { signal } = this.ends;
    stage.root.addEventListener("keydown", (event) => this.onKey(event), { signal });
  }

  stop(): void {
    this.ends.abort();
  }

  private onKey(event: KeyboardEvent): void {
    const { root } = this.stage;
    const card = this.stage.cardOf(event.target);
    // Fields and buttons on cards and tools have their own use of keys.
    if (event.defaultPrevented || (event.target !== root && event.target !== card?.element)) return;
    if (event.ctrlKey || event.metaKey) return;
    if (this.act(event, card?.id ?? null)) event.preventDefault();
  }

  /** True where the key had a meaning. */
  private act(event: KeyboardEvent, id: string | null): boolean {
    const { key } = event;
    if (key === "Tab") return this.tab(id, event.shiftKey);
    if (key in ARROWS) {
      if (event.altKey) return this.walk(id, key as keyof typeof WALK);
      return this.nudge(key, event.shiftKey ? FAR : STEP);
    }
    if (event.altKey || event.shiftKey) return false;
    if (key === "Enter" && id) {
      this.stage.host.opened(id);
      return true;
    }
    if (key === "Escape" && id) {
      this.stage.selection.set([]);
      this.stage.root.focus({ preventScroll: true });
      return true;
    }
    return false;
  }

  private tab(id: string | null, back: boolean): boolean {
    const ids = this.order.all();
    const { selection, root } = this.stage;
    if (id === null) {
      if (back || !ids.length) return false;
      this.go([...selection.nodes].find((one) => ids.includes(one)) ?? ids[0] ?? "");
      return true;
    }
    const next = ids[ids.indexOf(id) + (back ? -1 : 1)];
    if (next !== undefined) this.go(next);
    else if (back) root.focus({ preventScroll: true });
    // After the last card Tab goes on to what follows the canvas's cards on the page.
    return next !== undefined || back;
  }

  private walk(id: string | null, key: keyof typeof WALK): boolean {
    const from = id ?? [...this.stage.selection.nodes][0];
    const next = from === undefined ? this.order.all()[0] : this.order.step(from, WALK[key]);
    if (next) this.go(next);
    return true;
  }

  private go(id: string): void {
    this.stage.selection.set([id]);
    this.focus(id);
  }

  private nudge(key: string, step: number): boolean {
    const { scene, selection, host, viewport, readOnly } = this.stage;
    const [x, y] = ARROWS[key] ?? [0, 0];
    if (!selection.nodes.size) {
      viewport.panBy(-x * PAN, -y * PAN);
      return true;
    }
    if (readOnly) return true;
    const places = new Map<string, Place>();
    for (const id of scene.carried(selection.nodes)) {
      const card = scene.get(id);
      if (!card) continue;
      scene.move(card, card.x + x * step, card.y + y * step);
      const size = card.sized ? { width: card.width, height: card.height } : {};
      places.set(id, { x: card.x, y: card.y, ...size });
    }
    host.moved(places, "keys");
    return true;
  }
}
