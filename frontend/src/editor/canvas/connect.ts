// Draws a wire: from a port, to a port, or an end of one that is there already.
import type { Card, Port } from "./card";
import { curve } from "./geometry";
import type { Gesture, Held } from "./gesture";
import type { Stage } from "./stage";
import type { Loose, Point, PortRef } from "./types";

const SVG = "http://www.w3.org/2000/svg";
/** Screen pixels from a port within which the wire is drawn to it. */
const RADIUS = 28;

interface Aim {
  card: Card;
  /** Null where the card has none that the wire could go to. */
  port: Port | null;
  verdict: true | string;
}

/** Which end hangs loose, and what it was taken off, if anything. */
export interface Wiring {
  loose: Loose;
  edge?: string;
}

export class Connect implements Gesture {
  private readonly line: LooseWire;
  private readonly verdicts = new Map<string, true | string>();
  private aim: Aim | null = null;
  private over: Card | undefined;

  constructor(
    private readonly stage: Stage,
    private readonly wiring: Wiring,
  ) {
    this.line = new LooseWire(stage);
    stage.root.toggleAttribute("data-connecting", true);
    if (wiring.edge) stage.edges.mark(wiring.edge, "data-taken", true);
  }

  move(held: Held): void {
    const { viewport } = this.stage;
    const at = viewport.toFlow(held.client.x, held.client.y);
    this.dim();
    this.over = this.stage.cardOf(document.elementFromPoint(held.client.x, held.client.y));
    this.take(this.nearestPort(at) ?? this.portOf(this.over));
    const { aim } = this;
    const fits = aim?.verdict === true;
    this.line.draw(this.wiring.loose, fits && aim.port ? aim.card.pointOf(aim.port) : at);
    this.line.explain(aim && !fits ? String(aim.verdict) : "", held.client);
  }

  end(held: Held): void {
    this.move(held);
    const { aim, over } = this;
    const { loose, edge } = this.wiring;
    const { host, viewport } = this.stage;
    const at = viewport.toFlow(held.client.x, held.client.y);
    this.cancel();
    if (aim?.verdict === true && aim.port) this.connect(aim.card, aim.port);
    else if (aim) this.stage.say(String(aim.verdict));
    else if (over) return;
    else if (edge) host.disconnect(edge);
    else host.connectDropped(loose, at, held.client);
  }

  cancel(): void {
    const { root, edges } = this.stage;
    this.take(null);
    this.line.remove();
    root.removeAttribute("data-connecting");
    for (const card of root.querySelectorAll("[data-refused]")) card.removeAttribute("data-refused");
    if (this.wiring.edge) edges.mark(this.wiring.edge, "data-taken", false);
  }

  private connect(card: Card, port: Port): void {
    const { host, edges } = this.stage;
    const { loose, edge } = this.wiring;
    const [from, to] = pair(loose, card, port);
    if (!edge) {
      host.connect(from, to);
      return;
    }
    const before = edges.wires.get(edge)?.edge;
    if (before?.source === from.node && before.port === from.port && before.target === to) return;
    host.reconnect(edge, "to" in loose ? { from } : { to });
  }

  private verdict(card: Card, port: Port): true | string {
    const [from, to] = pair(this.wiring.loose, card, port);
    const key = `${from.node}.${from.port}>${to}`;
    let known = this.verdicts.get(key);
    if (known === undefined) {
      known = this.stage.host.canConnect(from, to, this.wiring.edge);
      this.verdicts.set(key, known);
    }
    return known;
  }

  /** Ports of a card that the loose end could go to. */
  private ports(card: Card): Port[] {
    const side = "to" in this.wiring.loose ? "out" : "in";
    return card.ports.filter((port) => port.side === side);
  }

  /** Cards in sight that cannot be connected step back. */
  private dim(): void {
    const { scene, viewport } = this.stage;
    for (const card of scene.within(viewport.visible())) {
      if (this.isOrigin(card)) continue;
      const fits = this.ports(card).some((port) => this.verdict(card, port) === true);
      card.element.toggleAttribute("data-refused", !fits);
    }
  }

  private isOrigin(card: Card): boolean {
    const { loose } = this.wiring;
    return card.id === ("to" in loose ? loose.to : loose.node);
  }

  private nearestPort(at: Point): Aim | null {
    const { scene, viewport } = this.stage;
    const radius = RADIUS / viewport.now.zoom;
    let best: Aim | null = null;
    let nearest = radius;
    const area = { x: at.x - radius, y: at.y - radius, width: 2 * radius, height: 2 * radius };
    for (const card of scene.within(area)) {
      if (this.isOrigin(card)) continue;
      for (const port of this.ports(card)) {
        const { x, y } = card.pointOf(port);
        const distance = Math.hypot(x - at.x, y - at.y);
        if (distance > nearest) continue;
        nearest = distance;
        best = { card, port, verdict: this.verdict(card, port) };
      }
    }
    return best;
  }

  /** Anywhere on a card is meant for its port: the first that fits. */
  private portOf(card: Card | undefined): Aim | null {
    if (!card || this.isOrigin(card)) return null;
    const aims = this.ports(card).map((port) => ({ card, port, verdict: this.verdict(card, port) }));
    const none = { card, port: null, verdict: this.portless(card) };
    return aims.find((aim) => aim.verdict === true) ?? aims[0] ?? none;
  }

  /** Why a card without ports on this side cannot be connected; the page knows best. */
  private portless(card: Card): string {
    const { loose } = this.wiring;
    if ("to" in loose) return "Nothing comes out of this node.";
    const why = this.stage.host.canConnect(loose, card.id, this.wiring.edge);
    return why === true ? "Nothing goes into this node." : why;
  }

  private take(aim: Aim | null): void {
    const fits = (one: Aim | null): Aim | null => (one?.verdict === true ? one : null);
    const [before, now] = [fits(this.aim), fits(aim)];
    this.aim = aim;
    if (before?.port === now?.port) return;
    before?.port?.element.removeAttribute("data-snapped");
    before?.card.element.removeAttribute("data-target");
    now?.port?.element.toggleAttribute("data-snapped", true);
    now?.card.element.toggleAttribute("data-target", true);
  }
}

function pair(loose: Loose, card: Card, port: Port): [PortRef, string] {
  return "to" in loose ? [{ node: card.id, port: port.name }, loose.to] : [loose, card.id];
}

/** A wire with one end in the air, and the sentence on why it may not go where it is held. */
export class LooseWire {
  private readonly svg = document.createElementNS(SVG, "svg");
  private readonly path = document.createElementNS(SVG, "path");
  private readonly tip = document.createElement("p");

  constructor(private readonly stage: Stage) {
    this.svg.classList.add("canvas-loose");
    this.svg.append(this.path);
    stage.over.append(this.svg);
    this.tip.className = "canvas-tip";
    this.tip.hidden = true;
    stage.root.append(this.tip);
  }

  draw(loose: Loose, at: Point): void {
    const { scene } = this.stage;
    const card = scene.get("to" in loose ? loose.to : loose.node);
    if (!card) return;
    const [from, to] =
      "to" in loose ? [at, card.pointAt("in", "in")] : [card.pointAt("out", loose.port), at];
    this.svg.dataset["category"] = card.category;
    this.path.setAttribute("d", curve(from, to));
  }

  explain(why: string, client: Point): void {
    this.tip.hidden = !why;
    if (!why) return;
    const { bounds } = this.stage.viewport;
    this.tip.textContent = why;
    const x = Math.min(client.x - bounds.x + 16, bounds.width - this.tip.offsetWidth - 8);
    const y = Math.min(client.y - bounds.y + 18, bounds.height - this.tip.offsetHeight - 8);
    this.tip.style.transform = `translate(${Math.max(8, x)}px, ${y}px)`;
  }

  remove(): void {
    this.svg.remove();
    this.tip.remove();
  }
}
