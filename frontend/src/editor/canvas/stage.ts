// What the tools of the canvas share: the view, the cards, the wires, the selection, an overlay.
import type { Card } from "./card";
import { Edges } from "./edges";
import { Frame, type Job } from "./frame";
import { Scene } from "./scene";
import { Selection } from "./selection";
import type { CanvasHost } from "./types";
import { Viewport } from "./viewport";

/** Draws something anew when asked: `view` when only the view has moved. */
export type Painter = (what: "view" | "cards") => void;

export class Stage {
  readonly frame = new Frame();
  readonly viewport: Viewport;
  readonly scene: Scene;
  readonly edges: Edges;
  readonly selection: Selection;
  /** Moves with the flow, above the cards. */
  readonly over = document.createElement("div");
  readonly painters: Painter[] = [];
  readOnly = false;
  private readonly voice = document.createElement("p");
  private readonly culling: Job = { rank: 2, run: () => this.cull() };

  constructor(
    readonly root: HTMLElement,
    readonly host: CanvasHost,
  ) {
    const plane = part(root, "[data-canvas-view]");
    const svg = part(root, "[data-canvas-edges]") as Element as SVGSVGElement;
    const layer = part(root, "[data-canvas-cards]");
    this.over.className = "canvas-over";
    plane.append(this.over);
    this.voice.className = "sr-only";
    this.voice.setAttribute("role", "status");
    root.append(this.voice);
    this.viewport = new Viewport(
      root,
      plane,
      this.frame,
      () => this.viewMoved(),
      () => host.viewChanged({ ...this.viewport.now }),
    );
    this.scene = new Scene(layer, this.frame, this.viewport, (cards, measured) =>
      this.cardsMoved(cards, measured),
    );
    this.edges = new Edges(svg, this.scene, this.viewport);
    this.selection = new Selection(this.scene, this.edges, host, () => this.repaint());
  }

  /** Told to screen readers. */
  say(text: string): void {
    this.voice.textContent = text;
  }

  repaint(): void {
    for (const paint of this.painters) paint("cards");
  }

  /** The card that an element belongs to. */
  cardOf(target: EventTarget | null): Card | undefined {
    const element = target instanceof Element && target.closest<HTMLElement>("[data-node]");
    // Forms and lists beside the canvas name their nodes in the same way: they are no cards.
    const card = element ? this.scene.get(element.dataset["node"] ?? "") : undefined;
    return card?.element === element ? card : undefined;
  }

  edgeOf(target: EventTarget | null): string | undefined {
    const group = target instanceof Element && target.closest<SVGElement>("[data-edge]");
    return (group && group.dataset["edge"]) || undefined;
  }

  stop(): void {
    this.frame.stop();
    this.scene.stop();
    this.viewport.stop();
    this.over.remove();
    this.voice.remove();
  }

  private viewMoved(): void {
    this.frame.ask(this.culling);
    for (const paint of this.painters) paint("view");
  }

  private cardsMoved(cards: ReadonlySet<Card>, measured: ReadonlySet<Card>): void {
    for (const card of measured) this.edges.markCard(card);
    this.edges.follow(cards);
    // What has just been put in place may be out of sight.
    if (measured.size) this.frame.ask(this.culling);
    this.repaint();
  }

  private cull(): void {
    this.scene.cull();
    this.edges.cull();
  }
}

export function part(root: HTMLElement, selector: string): HTMLElement {
  const found = root.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`The canvas has no ${selector}.`);
  return found;
}
