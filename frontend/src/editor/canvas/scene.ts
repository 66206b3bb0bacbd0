// All cards: where they stand, which holds which, and which are in sight.
import { Card } from "./card";
import type { Frame, Job } from "./frame";
import { around, encloses, overlaps } from "./geometry";
import type { Place, Point, Rect } from "./types";
import type { Viewport } from "./viewport";

/** Between a box and what is in it, as flows/views/boxes.py has it. */
const PADDING = 28;
/** Screen pixels around the view within which cards are kept laid out. */
const NEAR = 320;

export class Scene {
  readonly cards = new Map<string, Card>();
  private readonly children = new Map<string, Set<string>>();
  private readonly unmeasured = new Set<Card>();
  /** New ones of which only the server's word on their size is known. */
  private readonly estimated = new Set<Card>();
  private readonly moved = new Set<Card>();
  private readonly loose = new Set<string>();
  private frozen: ReadonlySet<string> = new Set();
  private readonly job: Job = { rank: 1, run: () => this.settle() };
  private readonly sizes: ResizeObserver;

  /** `changed` is told which cards stand elsewhere or have other ports. */
  constructor(
    private readonly layer: HTMLElement,
    private readonly frame: Frame,
    private readonly viewport: Viewport,
    private readonly changed: (cards: ReadonlySet<Card>, measured: ReadonlySet<Card>) => void,
  ) {
    this.sizes = new ResizeObserver((entries) => this.resized(entries));
  }

  get(id: string): Card | undefined {
    return this.cards.get(id);
  }

  /** The card, with its sizes known. */
  measured(id: string): Card | undefined {
    this.ready();
    return this.cards.get(id);
  }

  /** Have everything measured and in place now. */
  ready(): void {
    const open = [this.unmeasured, this.estimated, this.moved, this.loose];
    if (open.some((some) => some.size)) this.settle();
  }

  set(element: HTMLElement, place: Place): Card {
    const card = new Card(element);
    const before = this.cards.get(card.id);
    if (before) {
      this.forget(before);
      if (before.element !== element) {
        card.state ||= before.state;
        before.element.replaceWith(element);
      }
    }
    if (element.parentElement !== this.layer) this.layer.append(element);
    this.cards.set(card.id, card);
    if (card.parent) this.childrenOf(card.parent).add(card.id);
    card.x = place.x;
    card.y = place.y;
    if (card.sized && place.width && place.height) card.resize(place.width, place.height);
    if (!before && card.estimate()) this.estimated.add(card);
    else this.unmeasured.add(card);
    if (before?.parent && before.parent !== card.parent) this.loosenFrom(before.parent);
    this.frame.ask(this.job);
    return card;
  }

  remove(id: string): void {
    const card = this.cards.get(id);
    if (!card) return;
    this.forget(card);
    this.cards.delete(id);
    card.element.remove();
    if (card.parent) this.loosenFrom(card.parent);
    this.frame.ask(this.job);
  }

  move(card: Card, x: number, y: number): void {
    card.x = x;
    card.y = y;
    this.moved.add(card);
    this.frame.ask(this.job);
  }

  resize(card: Card, width: number, height: number): void {
    card.resize(width, height);
    card.keepRoom();
    this.move(card, card.x, card.y);
  }

  /** The containers around a node, innermost first. */
  holders(id: string): string[] {
    const found: string[] = [];
    let at = this.cards.get(id)?.parent;
    while (at && !found.includes(at)) {
      found.push(at);
      at = this.cards.get(at)?.parent;
    }
    return found;
  }

  inside(id: string): string[] {
    const found: string[] = [];
    const todo = [...(this.children.get(id) ?? [])];
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      if (found.includes(next)) continue;
      found.push(next);
      todo.push(...(this.children.get(next) ?? []));
    }
    return found;
  }

  /** These and all that moves along: what containers hold and what lies on frames. */
  carried(ids: Iterable<string>): Set<string> {
    const all = new Set<string>();
    for (const id of ids) {
      const card = this.cards.get(id);
      if (!card) continue;
      all.add(id);
      for (const other of this.inside(id)) all.add(other);
      if (card.carries) for (const on of this.lyingOn(card)) all.add(on);
    }
    return all;
  }

  /** Boxes of these keep their size while something is dragged out of them or about in them. */
  freeze(ids: ReadonlySet<string>): void {
    for (const id of this.frozen) this.loose.add(id);
    this.frozen = ids;
    this.frame.ask(this.job);
  }

  /** The innermost container at a point, where none of `except` is meant. */
  containerAt(at: Point, except: ReadonlySet<string>): string | null {
    let found: Card | null = null;
    for (const card of this.cards.values()) {
      if (!card.holds || except.has(card.id)) continue;
      const { x, y, width, height } = card.rect;
      if (at.x < x || at.y < y || at.x > x + width || at.y > y + height) continue;
      if (!found || this.depth(card) > this.depth(found)) found = card;
    }
    return found?.id ?? null;
  }

  within(area: Rect): Card[] {
    return [...this.cards.values()].filter((card) => overlaps(area, card.rect));
  }

  bounds(ids?: Iterable<string>): Rect | null {
    this.ready();
    const cards = ids ? [...ids].flatMap((id) => this.cards.get(id) ?? []) : this.cards.values();
    return around([...cards].map((card) => card.rect));
  }

  /** Lay out what is in sight, and nothing else. */
  cull(): void {
    // Far out the cards are drawn by far.ts, so whether they are laid out is nobody's concern.
    if (this.viewport.far) return;
    const near = this.viewport.visible(NEAR);
    for (const card of this.cards.values()) {
      const shown = overlaps(near, card.rect);
      if (shown !== card.shown && !this.unmeasured.has(card)) this.show(card, shown);
    }
  }

  show(card: Card, shown: boolean): void {
    if (!shown && card.element.contains(document.activeElement)) return;
    card.shown = shown;
    card.element.style.contentVisibility = shown ? "" : "hidden";
    if (!shown || card.exact) return;
    this.unmeasured.add(card);
    this.frame.ask(this.job);
  }

  stop(): void {
    this.sizes.disconnect();
  }

  private settle(): void {
    const measured = new Set([...this.unmeasured, ...this.estimated]);
    this.estimated.clear();
    this.measure();
    const touched = new Set([...this.moved, ...measured]);
    this.moved.clear();
    for (const card of touched) for (const holder of this.holders(card.id)) this.loose.add(holder);
    for (const card of measured) if (card.holds) this.loose.add(card.id);
    for (const card of touched) if (card.holds) this.loose.add(card.id);
    this.growBoxes(touched);
    for (const card of touched) card.draw(card.holds ? this.depth(card) : 0);
    if (touched.size) this.changed(touched, measured);
  }

  /** All writes, then all reads, then all writes: one layout for any number of cards. */
  private measure(): void {
    const cards = [...this.unmeasured];
    this.unmeasured.clear();
    for (const card of cards) card.loosen();
    for (const card of cards) card.measure();
    for (const card of cards) {
      card.keepRoom();
      this.sizes.observe(card.element);
    }
  }

  private growBoxes(touched: Set<Card>): void {
    const cards = [...this.loose].flatMap((id) => this.cards.get(id) ?? []);
    this.loose.clear();
    cards.sort((a, b) => this.depth(b) - this.depth(a));
    for (const card of cards) {
      if (this.frozen.has(card.id)) continue;
      card.box = this.boxOf(card);
      touched.add(card);
    }
  }

  private boxOf(head: Card): Rect | null {
    const inside = [...(this.children.get(head.id) ?? [])].flatMap((id) => this.get(id) ?? []);
    const room = around(inside.map((card) => card.rect));
    if (!head.holds || !room) return null;
    const x = Math.min(head.x, room.x - PADDING);
    const y = Math.min(head.y, room.y - PADDING - head.height);
    const right = Math.max(head.x + head.width, room.x + room.width + PADDING);
    const bottom = Math.max(y + head.height, room.y + room.height + PADDING);
    return { x, y, width: right - x, height: bottom - y };
  }

  private depth(card: Card): number {
    return this.holders(card.id).length;
  }

  private lyingOn(frame: Card): string[] {
    const on: string[] = [];
    for (const card of this.cards.values()) {
      if (card !== frame && encloses(frame.rect, card.rect)) on.push(card.id);
    }
    return on.flatMap((id) => [id, ...this.inside(id)]);
  }

  private childrenOf(id: string): Set<string> {
    let found = this.children.get(id);
    if (!found) this.children.set(id, (found = new Set()));
    return found;
  }

  private loosenFrom(parent: string): void {
    this.loose.add(parent);
    for (const holder of this.holders(parent)) this.loose.add(holder);
  }

  private forget(card: Card): void {
    this.sizes.unobserve(card.element);
    this.unmeasured.delete(card);
    this.estimated.delete(card);
    this.moved.delete(card);
    if (card.parent) this.children.get(card.parent)?.delete(card.id);
  }

  private resized(entries: ResizeObserverEntry[]): void {
    for (const { target } of entries) {
      const card = this.cards.get((target as HTMLElement).dataset["node"] ?? "");
      if (!card || card.element !== target || card.box || !card.shown) continue;
      const { offsetWidth, offsetHeight } = card.element;
      if (offsetWidth === card.width && offsetHeight === card.height) continue;
      this.unmeasured.add(card);
      this.frame.ask(this.job);
    }
  }
}
