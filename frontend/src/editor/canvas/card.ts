// One card on the canvas: its place, its size, and where its ports are.
import type { Point, Rect } from "./types";

/** Where a wire meets a card that does not know the port (a broken wire): level with its head. */
const HEAD = 26;
/** Heights of node-card.css: a row of a port, and what is below the last one. */
const ROW = 22;
const BELOW = 7;

export interface Port {
  name: string;
  side: "in" | "out";
  element: HTMLElement;
  /** Pixels from the card's own side, and from its top. */
  inset: number;
  top: number;
}

export class Card {
  readonly id: string;
  readonly parent: string;
  readonly holds: boolean;
  /** A note: it has no ports and a size of its own. */
  readonly sized: boolean;
  /** Lies behind all else and carries what is inside of it. */
  readonly carries: boolean;
  readonly category: string;
  readonly title: string;
  ports: Port[] = [];
  x = 0;
  y = 0;
  width = 240;
  height = 50;
  /** The box that a container is drawn as; null for a plain card. */
  box: Rect | null = null;
  /** Whether its content is laid out; off-screen ones are not. */
  shown = true;
  /** Whether sizes were read from the page; until a card is first in sight the server's do. */
  exact = false;
  state = "";

  constructor(readonly element: HTMLElement) {
    const { node, parent, type, category } = element.dataset;
    if (!node) throw new Error("A card needs data-node.");
    this.id = node;
    this.parent = parent ?? "";
    this.holds = "holds" in element.dataset;
    this.carries = type === "frame" || "frame" in element.dataset;
    this.sized = type === "note" || this.carries;
    this.category = category ?? "";
    this.title = element.querySelector("[data-slot=title]")?.textContent?.trim() ?? node;
    this.state = element.dataset["state"] ?? "";
  }

  get rect(): Rect {
    return this.box ?? this;
  }

  get hasInput(): boolean {
    return this.ports.some((port) => port.side === "in");
  }

  get outputs(): Port[] {
    return this.ports.filter((port) => port.side === "out");
  }

  port(side: "in" | "out", name: string): Port | undefined {
    return this.ports.find((port) => port.side === side && (side === "in" || port.name === name));
  }

  pointOf(port: Port): Point {
    const { x, y, width } = this.rect;
    return { x: port.side === "in" ? x + port.inset : x + width - port.inset, y: y + port.top };
  }

  /** Where wires leave by this port or arrive. */
  pointAt(side: "in" | "out", name: string): Point {
    const port = this.port(side, name);
    if (port) return this.pointOf(port);
    const { x, y, width } = this.rect;
    return { x: side === "in" ? x : x + width, y: y + HEAD };
  }

  /** Let go of sizes that were set, so that the card can be measured as it is by itself. */
  loosen(): void {
    const { style } = this.element;
    style.contentVisibility = "";
    this.shown = true;
    if (this.sized) return;
    style.width = "";
    style.height = "";
  }

  /** Take the size that the server tells, without laying the card out; false if it does not. */
  estimate(): boolean {
    const height = Number(this.element.dataset["height"]);
    if (!height) return false;
    if (!this.element.style.height) this.height = height;
    const handles = [...this.element.querySelectorAll<HTMLElement>("[data-handleid]")];
    const rows = handles.filter((handle) => handle.closest(".node-card-port"));
    this.ports = handles.map((handle) => {
      const row = rows.indexOf(handle);
      const top = row < 0 ? HEAD : height - BELOW - (rows.length - row - 0.5) * ROW;
      return { ...named(handle), inset: 0, top };
    });
    this.shown = false;
    this.element.style.contentVisibility = "hidden";
    this.keepRoom();
    return true;
  }

  /** Read its size and ports from the page. */
  measure(): void {
    const { element } = this;
    this.exact = true;
    this.width = element.offsetWidth;
    this.height = element.offsetHeight;
    this.ports = [...element.querySelectorAll<HTMLElement>("[data-handleid]")].map((handle) => {
      const centre = centreIn(handle, element);
      const port = named(handle);
      const inset = port.side === "in" ? centre.x : this.width - centre.x;
      return { ...port, inset, top: centre.y };
    });
  }

  /** The room it keeps while its content is left out. */
  keepRoom(): void {
    const { style } = this.element;
    style.containIntrinsicSize = `${this.width - 2}px ${this.height - 4}px`;
  }

  resize(width: number, height: number): void {
    this.width = width;
    this.height = height;
    this.element.style.width = `${width}px`;
    this.element.style.height = `${height}px`;
  }

  /** Put the element where the card is. */
  draw(depth: number): void {
    const { x, y, width, height } = this.rect;
    const { style } = this.element;
    style.transform = `translate(${x}px, ${y}px)`;
    if (!this.holds) return;
    const box = this.box !== null;
    if (box) {
      style.width = `${width}px`;
      style.height = `${height}px`;
      style.zIndex = String(2 + depth);
    } else if (this.element.hasAttribute("data-box")) {
      style.width = style.height = style.zIndex = "";
    }
    this.element.toggleAttribute("data-box", box);
  }
}

function named(handle: HTMLElement): Pick<Port, "name" | "side" | "element"> {
  const side = handle.dataset["side"] === "in" ? "in" : "out";
  return { name: handle.dataset["handleid"] ?? "", side, element: handle };
}

/** The middle of `inner`, from the outer corner of `card`. */
function centreIn(inner: HTMLElement, card: HTMLElement): Point {
  let x = inner.offsetWidth / 2 + card.clientLeft;
  let y = inner.offsetHeight / 2 + card.clientTop;
  let at: HTMLElement | null = inner;
  while (at && at !== card) {
    x += at.offsetLeft;
    y += at.offsetTop;
    at = at.offsetParent as HTMLElement | null;
  }
  return { x, y };
}
