// Keeps the cards on the canvas as the model has them: at once as well as the browser can, and as
// the server draws them once it has the change.
import type { Canvas } from "../canvas/index";
import type { Touched } from "../draft";
import type { FlowModel } from "../model";
import { sourceOf } from "../ops";
import type { EdgeEntry, NodeEntry, Place } from "../ops";
import { isDisabled, titleOf } from "./graph-info";
import { newCard } from "./node-types";

/** Cards that one request asks for. */
const AT_ONCE = 100;
const FIRST_WAIT = 400;
const LONGEST_WAIT = 8_000;

export class CardKeeper {
  /** The server has drawn these cards anew. */
  onDrawn: (ids: readonly string[]) => void = () => undefined;
  /** Cards glide to new places during this, where they jump else. */
  glides = false;
  /** Cards that changed here, perhaps before the server has heard of it. */
  private readonly stale = new Set<string>();
  /** Cards that the server is to draw: it has their changes. */
  private readonly due = new Set<string>();
  /** Where the server drew cards: it places those of which the flow does not say where they stand. */
  private readonly drawn = new Map<string, Place>();
  private asking = false;

  constructor(
    private readonly flow: string,
    private readonly model: FlowModel,
    private readonly canvas: Canvas,
  ) {}

  /** All of it, as a page opens: the server's cards, and those of changes that were kept. */
  start(cards: Iterable<HTMLElement>): void {
    for (const card of cards) {
      const { node = "", x, y } = card.dataset;
      card.toggleAttribute("data-pinned", this.model.pins.has(node));
      this.drawn.set(node, { x: Number(x), y: Number(y) });
      this.canvas.setCard(card, this.placeOf(node));
    }
    for (const id of this.model.nodes.keys()) {
      if (!this.canvas.element(id)) this.add(id);
    }
    this.canvas.setEdges([...this.model.edges].map(([key, edge]) => this.wire(key, edge)));
  }

  /** Take over what has changed in the model. */
  take(touched: Touched): void {
    for (const id of touched.nodes) {
      const entry = this.model.nodes.get(id);
      if (!entry) this.drop(id);
      else if (this.canvas.element(id)) this.change(id, entry);
      else this.add(id);
    }
    for (const id of touched.places) {
      if (this.canvas.element(id)) this.canvas.placeCard(id, this.placeOf(id), { animate: this.glides });
    }
    for (const key of touched.edges) {
      const edge = this.model.edges.get(key);
      if (edge) this.canvas.setEdge(this.wire(key, edge));
      else this.canvas.removeEdge(key);
    }
  }

  /** The server has all changes: ask for the cards that it may draw differently. */
  refresh(): void {
    for (const id of this.stale) this.due.add(id);
    this.stale.clear();
    if (!this.asking && this.due.size > 0) void this.ask();
  }

  private add(id: string): void {
    const entry = this.model.nodes.get(id);
    if (!entry) return;
    const card = newCard(entry.type, id) ?? unknownCard(id);
    this.label(card, entry);
    this.canvas.setCard(card, this.placeOf(id));
    for (const key of this.model.wiresOf(id)) {
      const edge = this.model.edges.get(key);
      if (edge) this.canvas.setEdge(this.wire(key, edge));
    }
    this.stale.add(id);
  }

  private change(id: string, entry: NodeEntry): void {
    const card = this.canvas.element(id);
    if (!card) return;
    const parent = card.dataset["parent"] ?? "";
    this.label(card, entry);
    if (parent !== (entry.parent ?? "")) {
      this.canvas.setCard(card, this.placeOf(id));
    }
    this.stale.add(id);
    for (const inner of this.model.withInside([id])) this.stale.add(inner);
  }

  private placeOf(id: string): Place {
    return this.model.places.get(id) ?? this.drawn.get(id) ?? { x: 0, y: 0 };
  }

  private drop(id: string): void {
    this.stale.delete(id);
    this.due.delete(id);
    this.canvas.removeCard(id);
  }

  /** What a script can say of a card without the server. */
  private label(card: HTMLElement, entry: NodeEntry): void {
    if (entry.parent) card.dataset["parent"] = entry.parent;
    else delete card.dataset["parent"];
    card.toggleAttribute("data-disabled", isDisabled(entry.id, this.model));
    card.toggleAttribute("data-pinned", this.model.pins.has(entry.id));
    const title = card.querySelector('[data-slot="title"]');
    if (title) title.textContent = titleOf(entry);
    card.setAttribute("aria-label", `${titleOf(entry)}, ${entry.type}`);
  }

  private wire(key: string, edge: EdgeEntry): Parameters<Canvas["setEdge"]>[0] {
    const { node, port } = sourceOf(edge);
    const category = this.canvas.element(node)?.dataset["category"] ?? "";
    return { id: key, source: node, port, target: edge.to, category };
  }

  private async ask(): Promise<void> {
    this.asking = true;
    for (let wait = FIRST_WAIT; this.due.size > 0; ) {
      const wanted = [...this.due].slice(0, AT_ONCE);
      for (const id of wanted) this.due.delete(id);
      const html = await this.fetch(wanted);
      if (html !== null) {
        this.draw(html);
        continue;
      }
      for (const id of wanted) this.due.add(id);
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(2 * wait, LONGEST_WAIT);
    }
    this.asking = false;
  }

  private async fetch(ids: readonly string[]): Promise<string | null> {
    const query = ids.map((id) => `node=${encodeURIComponent(id)}`).join("&");
    try {
      const answer = await fetch(`/flows/${this.flow}/cards/?${query}`, { cache: "no-store" });
      return answer.ok && !answer.redirected ? await answer.text() : null;
    } catch {
      return null;
    }
  }

  private draw(html: string): void {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    const drawn: string[] = [];
    for (const card of parsed.querySelectorAll<HTMLElement>("[data-node]")) {
      const id = card.dataset["node"] ?? "";
      const entry = this.model.nodes.get(id);
      // Touched again meanwhile: the next answer has it.
      if (!entry || this.stale.has(id) || this.due.has(id)) continue;
      // Its name is being typed on it: the new name brings the next answer.
      if (this.canvas.element(id)?.querySelector(".node-card-rename")) continue;
      card.toggleAttribute("data-pinned", this.model.pins.has(id));
      const { x, y } = card.dataset;
      if (!this.drawn.has(id)) this.drawn.set(id, { x: Number(x), y: Number(y) });
      this.canvas.setCard(document.adoptNode(card), this.placeOf(id));
      for (const key of this.model.wiresOf(id)) {
        const edge = this.model.edges.get(key);
        if (edge) this.canvas.setEdge(this.wire(key, edge));
      }
      drawn.push(id);
    }
    this.onDrawn(drawn);
  }
}

/** A card for a type that this page does not know; the server's follows. */
function unknownCard(id: string): HTMLElement {
  const card = document.createElement("article");
  card.className = "node-card";
  card.id = `card-${id}`;
  card.dataset["node"] = id;
  card.dataset["category"] = "code";
  const title = document.createElement("span");
  title.className = "node-card-title";
  title.dataset["slot"] = "title";
  card.append(title);
  return card;
}
