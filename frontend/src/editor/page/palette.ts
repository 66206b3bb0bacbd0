// The list of node types: search, click or Enter to add, drag onto the canvas with a ghost.
import type { AddOptions, EditorActions, Point } from "./actions";
import { make, need, remember, remembered } from "./dom";
import { fuzzyScore } from "./fuzzy";
import { newCard, nodeTypes } from "./node-types";
import { RECENT } from "./picker";

/** Pixels a pointer has to move before a press is a drag. */
const DRAG_FROM = 6;
/** A finger that moves mostly up or down scrolls the list. */
const STEEP = 1.2;

export class Palette {
  private readonly list = need("[data-palette]");
  private readonly field = need<HTMLInputElement>("[data-palette-search]");
  private readonly recent = need("[data-palette-group=recent]", this.list);
  private dragged = false;

  /** `add` adds a node and says so; `dragging` is told when a drag starts and ends. */
  constructor(
    private readonly actions: EditorActions,
    private readonly add: (type: string, options: AddOptions) => void,
    private readonly dragging: (on: boolean) => void,
  ) {
    this.field.addEventListener("input", () => this.filter());
    this.field.addEventListener("keydown", (event) => this.onFieldKey(event));
    this.list.addEventListener("keydown", (event) => this.onListKey(event));
    this.list.addEventListener("click", (event) => this.onClick(event));
    this.list.addEventListener("pointerdown", (event) => this.onPress(event));
    this.drawRecent();
    this.update();
    actions.on("change", () => this.update());
  }

  focus(): void {
    this.field.focus();
    this.field.select();
  }

  /** Types a flow has one of already, and all of them for readers, cannot be added: they say so. */
  private update(): void {
    const present = this.actions.types();
    for (const item of this.items()) {
      const type = nodeTypes().get(item.dataset["addType"] ?? "");
      const why = this.actions.readOnly
        ? "You may look at this flow but not change it."
        : type?.once && present.has(type.type) ? "A flow has one of it, and this flow has it already." : "";
      if (why) item.setAttribute("aria-disabled", "true");
      else item.removeAttribute("aria-disabled");
      item.title = why || (type?.summary ?? "");
    }
  }

  private drawRecent(): void {
    const names = remembered(RECENT).slice(0, 4);
    const items = names.flatMap((name) => {
      const item = this.list.querySelector(`section:not([data-palette-group=recent]) [data-add-type="${CSS.escape(name)}"]`);
      return item ? [make("li", {}, item.cloneNode(true))] : [];
    });
    need("ul", this.recent).replaceChildren(...items);
    this.recent.hidden = items.length === 0;
  }

  private filter(): void {
    const typed = this.field.value.trim();
    let best: { item: HTMLElement; score: number } | null = null;
    for (const item of this.items()) {
      const type = nodeTypes().get(item.dataset["addType"] ?? "");
      const score = type ? fuzzyScore(typed, type.title, `${type.type} ${type.category} ${type.summary}`) : null;
      const line = item.closest("li");
      if (line) line.hidden = score === null;
      delete item.dataset["best"];
      if (typed && score !== null && (!best || score > best.score)) best = { item, score };
    }
    for (const group of this.list.querySelectorAll<HTMLElement>("section")) {
      const isRecent = group === this.recent;
      group.hidden = isRecent ? typed !== "" || !group.querySelector("li") : !group.querySelector("li:not([hidden])");
    }
    if (best) best.item.dataset["best"] = "";
    need("[data-palette-none]").hidden = this.visible().length > 0;
  }

  private items(): HTMLElement[] {
    return [...this.list.querySelectorAll<HTMLElement>("[data-add-type]")];
  }

  private visible(): HTMLElement[] {
    return this.items().filter((item) => item.getClientRects().length > 0);
  }

  private onFieldKey(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") this.visible()[0]?.focus();
    else if (event.key === "Enter") {
      const best = this.list.querySelector<HTMLElement>("[data-best]");
      if (best) this.choose(best, {});
    } else if (event.key === "Escape" && this.field.value) {
      this.field.value = "";
      this.filter();
    } else if (event.key === "Escape") this.actions.focusCanvas();
    else return;
    event.preventDefault();
  }

  private onListKey(event: KeyboardEvent): void {
    const items = this.visible();
    const at = items.indexOf(document.activeElement as HTMLElement);
    if (event.key === "ArrowDown") items[Math.min(at + 1, items.length - 1)]?.focus();
    else if (event.key === "ArrowUp") (at > 0 ? items[at - 1] : this.field)?.focus();
    else if (event.key === "Home") items[0]?.focus();
    else if (event.key === "End") items[items.length - 1]?.focus();
    else if (event.key === "Escape") this.actions.focusCanvas();
    else return;
    event.preventDefault();
  }

  private onClick(event: Event): void {
    const item = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-add-type]") : null;
    if (item && !this.dragged) this.choose(item, {});
    this.dragged = false;
  }

  private choose(item: HTMLElement, options: AddOptions): void {
    const type = item.dataset["addType"] ?? "";
    if (item.getAttribute("aria-disabled") === "true") return;
    remember(RECENT, type, 5);
    this.add(type, options);
    if (this.field.value) {
      this.field.value = "";
      this.filter();
    }
    // Not under the finger that is still on the list.
    requestAnimationFrame(() => this.drawRecent());
  }

  private onPress(event: PointerEvent): void {
    const item = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-add-type]") : null;
    this.dragged = false;
    if (!item || event.button !== 0 || item.getAttribute("aria-disabled") === "true") return;
    const drag = new Drag(item, event, this.dragging);
    drag.ended = (client, under) => {
      // A click may follow in this very moment, and no later.
      this.dragged = true;
      setTimeout(() => (this.dragged = false));
      if (client) this.choose(item, { client, ...whereUnder(under) });
    };
  }
}

/** The edge or container that a node is dropped on. */
function whereUnder(under: Element | null): AddOptions {
  const edge = under?.closest<HTMLElement | SVGElement>("[data-edge]")?.dataset["edge"];
  if (edge) return { onEdge: edge };
  const container = under?.closest<HTMLElement>("[data-node][data-holds]")?.dataset["node"];
  return container ? { parent: container } : {};
}

/** One press on an item: a drag once it has gone far enough, with the card under the pointer. */
class Drag {
  ended: (client: Point | null, under: Element | null) => void = () => undefined;
  private readonly start: Point;
  private readonly over = new AbortController();
  private ghost: HTMLElement | null = null;

  constructor(private readonly item: HTMLElement, event: PointerEvent, private readonly dragging: (on: boolean) => void) {
    this.start = { x: event.clientX, y: event.clientY };
    const { signal } = this.over;
    addEventListener("pointermove", (move) => this.onMove(move), { signal });
    addEventListener("pointerup", (up) => this.onUp(up), { signal });
    addEventListener("pointercancel", () => this.stop(), { signal });
    addEventListener("keydown", (key) => {
      if (key.key !== "Escape") return;
      if (this.ghost) this.ended(null, null);
      this.stop();
    }, { signal, capture: true });
  }

  private onMove(event: PointerEvent): void {
    const x = event.clientX - this.start.x;
    const y = event.clientY - this.start.y;
    if (!this.ghost) {
      if (Math.hypot(x, y) < DRAG_FROM) return;
      if (event.pointerType === "touch" && Math.abs(y) > Math.abs(x) * STEEP) {
        this.stop();
        return;
      }
      this.begin();
    }
    if (this.ghost) this.ghost.style.transform = `translate(${event.clientX - 120}px, ${event.clientY - 24}px)`;
  }

  private begin(): void {
    const card = newCard(this.item.dataset["addType"] ?? "", "ghost");
    if (!card) return;
    this.ghost = make("div", { class: "ghost", "aria-hidden": "true" }, card);
    card.removeAttribute("id");
    document.body.append(this.ghost);
    this.dragging(true);
  }

  private onUp(event: PointerEvent): void {
    if (this.ghost) {
      this.ghost.remove();
      const under = document.elementFromPoint(event.clientX, event.clientY);
      const onCanvas = under?.closest("[data-canvas]");
      this.ended(onCanvas ? { x: event.clientX, y: event.clientY } : null, under);
    }
    this.stop();
  }

  private stop(): void {
    if (this.ghost) this.dragging(false);
    this.ghost?.remove();
    this.ghost = null;
    this.over.abort();
  }
}
