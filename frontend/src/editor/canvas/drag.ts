// Drags cards: all that is selected, what containers and frames carry, onto wires and into boxes.
import type { Card } from "./card";
import { centreOf, contains, distanceToCurve, grown } from "./geometry";
import type { Gesture, Held } from "./gesture";
import type { Guides } from "./guides";
import type { Stage } from "./stage";
import type { Place, Point, Rect } from "./types";

/** Flow pixels from a card's middle to a wire within which the card is meant for it. */
const SPLICE = 34;

export class CardDrag implements Gesture {
  private readonly chosen: string[];
  /** By id: the server may draw a card anew while it is dragged. */
  private readonly origins = new Map<string, Point>();
  private readonly carried: ReadonlySet<string>;
  private readonly leadBox: Rect;
  private readonly fits = new Map<string, boolean>();
  private container: string | null;
  private wire: string | null = null;

  constructor(
    private readonly stage: Stage,
    private readonly guides: Guides,
    private readonly lead: Card,
    private readonly start: Point,
  ) {
    const { scene, selection, root } = stage;
    this.chosen = selection.nodes.has(lead.id) ? [...selection.nodes] : [lead.id];
    this.carried = scene.carried(this.chosen);
    for (const id of this.carried) {
      const card = scene.get(id);
      if (card) this.origins.set(id, { x: card.x, y: card.y });
    }
    this.leadBox = { ...plain(lead.rect) };
    this.container = lead.parent || null;
    const around = [...this.carried].flatMap((id) => scene.holders(id));
    scene.freeze(new Set(around.filter((id) => !this.carried.has(id))));
    root.toggleAttribute("data-dragging", true);
    for (const [card] of this.dragged()) card.element.toggleAttribute("data-dragged", true);
  }

  move(held: Held): void {
    const { scene, viewport } = this.stage;
    const at = viewport.toFlow(held.client.x, held.client.y);
    let dx = at.x - this.start.x;
    let dy = at.y - this.start.y;
    if (held.alt) this.guides.clear();
    else {
      const moved = { ...this.leadBox, x: this.leadBox.x + dx, y: this.leadBox.y + dy };
      const snapped = this.guides.snap(moved, this.others(), viewport.now.zoom);
      dx += snapped.dx;
      dy += snapped.dy;
    }
    for (const [card, from] of this.dragged()) scene.move(card, from.x + dx, from.y + dy);
    this.aim(at);
  }

  end(held: Held): void {
    this.move(held);
    const { host } = this.stage;
    const { container, wire } = this;
    this.finish();
    const places = this.places();
    if (!places.size) return;
    const strays = this.strays(container);
    if (strays.length) host.droppedInto(strays, container, places);
    if (wire) host.droppedOnEdge(this.lead.id, wire, strays.length ? new Map() : places);
    else if (!strays.length) host.moved(places, "drag");
  }

  cancel(): void {
    for (const [card, from] of this.dragged()) this.stage.scene.move(card, from.x, from.y);
    this.finish();
  }

  private finish(): void {
    this.guides.clear();
    this.markContainer(null);
    this.markWire(null);
    this.stage.scene.freeze(new Set());
    this.stage.root.removeAttribute("data-dragging");
    for (const [card] of this.dragged()) card.element.removeAttribute("data-dragged");
  }

  private *dragged(): Generator<[Card, Point]> {
    for (const [id, from] of this.origins) {
      const card = this.stage.scene.get(id);
      if (card) yield [card, from];
    }
  }

  private places(): Map<string, Place> {
    const places = new Map<string, Place>();
    for (const [card, from] of this.dragged()) {
      if (card.x === from.x && card.y === from.y) continue;
      const size = card.sized ? { width: card.width, height: card.height } : {};
      places.set(card.id, { x: card.x, y: card.y, ...size });
    }
    return places;
  }

  /** Dragged nodes that would be in another container now; notes stand outside of all. */
  private strays(container: string | null): string[] {
    const { scene } = this.stage;
    return this.chosen.filter((id) => {
      const card = scene.get(id);
      if (!card || card.sized || scene.holders(id).some((holder) => this.carried.has(holder))) {
        return false;
      }
      return (card.parent || null) !== container;
    });
  }

  private others(): Rect[] {
    const { scene, viewport } = this.stage;
    return scene
      .within(viewport.visible())
      .filter((card) => !this.carried.has(card.id))
      .map((card) => card.rect);
  }

  /** See what the cards would be dropped on. */
  private aim(at: Point): void {
    this.container = this.stage.scene.containerAt(at, this.carried);
    const strays = this.strays(this.container).length > 0;
    this.markContainer(strays ? this.container : null);
    this.markWire(this.wireUnder());
  }

  private markContainer(id: string | null): void {
    const { root, scene } = this.stage;
    for (const old of root.querySelectorAll("[data-drop]")) old.removeAttribute("data-drop");
    if (id) scene.get(id)?.element.toggleAttribute("data-drop", true);
  }

  private markWire(id: string | null): void {
    const { edges } = this.stage;
    if (this.wire && this.wire !== id) edges.mark(this.wire, "data-splice", false);
    if (id) edges.mark(id, "data-splice", true);
    this.wire = id;
  }

  /** The wire that the card would be put into, where it is one card without wires. */
  private wireUnder(): string | null {
    const { stage } = this;
    const lead = stage.scene.get(this.lead.id) ?? this.lead;
    const out = lead.outputs[0];
    if (this.chosen.length > 1 || !out || !lead.hasInput) return null;
    if ([...stage.edges.of(lead.id)].length) return null;
    const middle = centreOf(lead.rect);
    let best: string | null = null;
    let nearest = SPLICE;
    for (const { edge, from, to, box } of stage.edges.wires.values()) {
      if (!contains(grown(box, SPLICE), middle)) continue;
      const distance = distanceToCurve(from, to, middle);
      if (distance < nearest && this.splices(edge.id, out.name)) {
        best = edge.id;
        nearest = distance;
      }
    }
    return best;
  }

  private splices(id: string, out: string): boolean {
    const known = this.fits.get(id);
    if (known !== undefined) return known;
    const edge = this.stage.edges.wires.get(id)?.edge;
    const { host } = this.stage;
    const fits =
      edge !== undefined &&
      host.canConnect({ node: edge.source, port: edge.port }, this.lead.id, id) === true &&
      host.canConnect({ node: this.lead.id, port: out }, edge.target, id) === true;
    this.fits.set(id, fits);
    return fits;
  }
}

const plain = ({ x, y, width, height }: Rect): Rect => ({ x, y, width, height });
