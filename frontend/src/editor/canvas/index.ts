// The canvas: cards and wires on a plane that is moved, zoomed and edited by hand. It knows no
// flow, no server and no history: what people do is told to its host, which says what becomes of it.
import { Colours } from "./colours";
import { EdgeTools } from "./edge-tools";
import { Far } from "./far";
import { centreOf } from "./geometry";
import { KeyConnect } from "./key-connect";
import { Keyboard } from "./keyboard";
import { Minimap } from "./minimap";
import { Motion } from "./motion";
import { GraphOrder } from "./order";
import { Pointer } from "./pointer";
import { addCorner } from "./resize";
import { Stage } from "./stage";
import { wireTools } from "./toolbar";
import type { CanvasEdge, CanvasHost, EdgeFlow, Place, Point, Rect, View } from "./types";

export type * from "./types";

const ZOOM_STEP = 1.25;
/** Below this nothing can be read. */
const READABLE = 0.45;
/** Narrower than this the minimap would hide the flow. */
const NARROW = 640;

export class Canvas {
  private readonly stage: Stage;
  private readonly order: GraphOrder;
  private readonly motion: Motion;
  private readonly minimap: Minimap;
  private readonly pointer: Pointer;
  private readonly keyboard: Keyboard;
  private readonly colours: Colours;
  private readonly far: Far;
  private keyConnect: KeyConnect | null = null;

  constructor(
    private readonly root: HTMLElement,
    host: CanvasHost,
  ) {
    const stage = (this.stage = new Stage(root, host));
    this.order = new GraphOrder(stage.scene, stage.edges);
    this.motion = new Motion(stage);
    this.colours = new Colours(root, () => stage.repaint());
    this.far = new Far(stage, this.colours);
    this.minimap = new Minimap(stage, this.colours);
    this.pointer = new Pointer(stage, new EdgeTools(stage));
    this.keyboard = new Keyboard(stage, this.order, (id) => this.focus(id));
    wireTools(stage, {
      in: () => this.zoomBy(ZOOM_STEP),
      out: () => this.zoomBy(1 / ZOOM_STEP),
      fit: () => this.fit(),
      actual: () => this.zoomTo(1),
      minimap: () => this.showMinimap(!this.minimap.shown),
    });
    this.showMinimap(stage.viewport.bounds.width >= NARROW);
    // From now on each card says for itself whether it is laid out: see canvas.css.
    stage.frame.ask({ rank: -1, run: () => root.toggleAttribute("data-started", true) });
  }

  /** Add a card, or put it in the place of the one of the same `data-node`. */
  setCard(element: HTMLElement, place: Place): void {
    const { scene, selection } = this.stage;
    const before = scene.get(element.dataset["node"] ?? "");
    const focused = before?.element.contains(document.activeElement) ?? false;
    if (before) this.motion.forget(before);
    const card = scene.set(element, place);
    element.tabIndex = -1;
    if (card.state) element.dataset["state"] = card.state;
    if (card.sized) addCorner(card);
    selection.mark(card.id);
    if (focused) element.focus({ preventScroll: true });
  }

  removeCard(id: string): void {
    const { scene, edges, selection } = this.stage;
    const card = scene.get(id);
    if (!card) return;
    const focused = card.element.contains(document.activeElement);
    this.motion.forget(card);
    for (const { edge } of [...edges.of(id)]) edges.remove(edge.id);
    scene.remove(id);
    selection.set(selection.nodes, selection.edges);
    if (focused) this.root.focus({ preventScroll: true });
  }

  /** Put a card elsewhere; the host is not told. */
  placeCard(id: string, place: Place, { animate = false } = {}): void {
    const { scene } = this.stage;
    const card = scene.get(id);
    if (!card) return;
    this.motion.forget(card);
    const { width, height } = place;
    if (card.sized && width && height) scene.resize(card, width, height);
    if (animate) this.motion.to(card, place);
    else scene.move(card, place.x, place.y);
  }

  element(id: string): HTMLElement | undefined {
    return this.stage.scene.get(id)?.element;
  }

  /** Of the card, or of the box a container is drawn as; null for an unknown node. */
  rect(id: string): Rect | null {
    const rect = this.stage.scene.measured(id)?.rect;
    return rect ? { x: rect.x, y: rect.y, width: rect.width, height: rect.height } : null;
  }

  /** Ids of all nodes, along the wires, each container before what it holds. */
  graphOrder(): string[] {
    return this.order.all();
  }

  setEdges(edges: Iterable<CanvasEdge>): void {
    const wanted = new Map([...edges].map((edge) => [edge.id, edge]));
    for (const id of [...this.stage.edges.wires.keys()]) {
      if (!wanted.has(id)) this.removeEdge(id);
    }
    this.stage.scene.ready();
    for (const edge of wanted.values()) this.stage.edges.set(edge);
    this.stage.repaint();
  }

  setEdge(edge: CanvasEdge): void {
    this.stage.scene.ready();
    this.stage.edges.set(edge);
    this.stage.repaint();
  }

  removeEdge(id: string): void {
    const { edges, selection } = this.stage;
    edges.remove(id);
    selection.set(selection.nodes, selection.edges);
    this.stage.repaint();
  }

  setEdgeFlow(id: string, flow: EdgeFlow): void {
    if (!this.stage.edges.setFlow(id, flow)) return;
    this.root.toggleAttribute("data-live", this.stage.edges.hasRun);
    this.stage.repaint();
  }

  /** The flow is seen from so far that cards are drawn without what is on them. */
  get isFar(): boolean {
    return this.stage.viewport.far;
  }

  /** A run's state of a node, empty for none; its colour is on the card and the minimap. */
  setNodeState(id: string, state: string): void {
    const card = this.stage.scene.get(id);
    if (!card || card.state === state) return;
    card.state = state;
    if (state) card.element.dataset["state"] = state;
    else delete card.element.dataset["state"];
    this.stage.repaint();
  }

  get selection(): ReadonlySet<string> {
    return this.stage.selection.nodes;
  }

  get selectedEdges(): ReadonlySet<string> {
    return this.stage.selection.edges;
  }

  select(nodes: Iterable<string>, edges: Iterable<string> = [], { add = false } = {}): void {
    this.stage.selection.set(nodes, edges, add);
  }

  /** The node whose card has the keyboard's focus, or holds what has it. */
  get focused(): string | null {
    const at = document.activeElement;
    for (const [id, card] of this.stage.scene.cards) if (card.element.contains(at)) return id;
    return null;
  }

  /** Give a card the keyboard's focus, in sight unless the view has to stay. */
  focus(id: string, { reveal = true } = {}): void {
    const card = this.stage.scene.measured(id);
    if (!card) return;
    // A card whose content is left out cannot take the focus.
    this.stage.scene.show(card, true);
    card.element.focus({ preventScroll: true });
    if (reveal) this.stage.viewport.reveal(card.rect);
  }

  /** Bring a card into sight, moving the view as little as that takes. */
  reveal(id: string): void {
    const card = this.stage.scene.measured(id);
    if (!card) return;
    this.stage.viewport.measure();
    this.stage.viewport.reveal(card.rect);
  }

  /** Show all, or these nodes; never larger than 100 %. */
  fit(ids?: Iterable<string>, { animate = true } = {}): void {
    const box = this.stage.scene.bounds(ids);
    if (box) this.stage.viewport.fit(box, animate);
    else if (!ids) this.stage.viewport.set({ x: 80, y: 80, zoom: 1 }, animate);
  }

  fitArea(area: Rect, { animate = true } = {}): void {
    this.stage.viewport.fit(area, animate);
  }

  /** As a page opens: all of it, or, where that could not be read, its beginning. */
  start(): void {
    this.fit(undefined, { animate: false });
    const [first] = this.order.all();
    const card = first === undefined ? undefined : this.stage.scene.get(first);
    if (!card || this.stage.viewport.now.zoom >= READABLE) return;
    const { width, height } = this.stage.viewport.bounds;
    const zoom = width < NARROW ? 0.8 : 0.7;
    const { x, y } = card.rect;
    this.setView({ x: width * 0.06 - x * zoom, y: height * 0.36 - y * zoom, zoom });
  }

  zoomTo(zoom: number): void {
    this.stage.viewport.zoomTo(zoom);
  }

  zoomBy(factor: number): void {
    this.stage.viewport.zoomTo(this.stage.viewport.now.zoom * factor);
  }

  /** Bring a node to the middle, at a zoom it can be read at. */
  centre(id: string, { animate = true } = {}): void {
    const { scene, viewport } = this.stage;
    const card = scene.measured(id);
    if (card) viewport.centre(card.rect, Math.max(viewport.now.zoom, 0.75), animate);
  }

  get view(): View {
    return { ...this.stage.viewport.now };
  }

  setView(view: View, { animate = false } = {}): void {
    this.stage.viewport.set(view, animate);
  }

  /** Where on the flow a place in the window is. */
  toFlow(clientX: number, clientY: number): Point {
    this.stage.viewport.measure();
    return this.stage.viewport.toFlow(clientX, clientY);
  }

  /** Where in the window a place on the flow is. */
  toClient(at: Point): Point {
    this.stage.viewport.measure();
    return this.stage.viewport.toClient(at);
  }

  visibleCentre(): Point {
    return centreOf(this.stage.viewport.visible());
  }

  showMinimap(shown: boolean): void {
    this.minimap.show(shown);
    const button = this.root.querySelector("[data-canvas-tool=minimap]");
    button?.setAttribute("aria-pressed", String(shown));
  }

  toggleMinimap(): void {
    this.showMinimap(!this.minimap.shown);
  }

  /** Choose by keyboard what a port is connected to. */
  startConnect(node: string, port: string): void {
    this.keyConnect?.stop();
    this.keyConnect = null;
    if (this.stage.readOnly) return;
    this.stage.scene.ready();
    let over = false;
    const mode = new KeyConnect(this.stage, this.order, { node, port }, () => {
      over = true;
      this.keyConnect = null;
    });
    if (!over) this.keyConnect = mode;
  }

  /** Cards and wires can be looked at and selected only. */
  setReadOnly(readOnly: boolean): void {
    this.stage.readOnly = readOnly;
    this.pointer.cancel();
    this.keyConnect?.stop();
    this.root.toggleAttribute("data-read-only", readOnly);
    this.stage.repaint();
  }

  destroy(): void {
    this.keyConnect?.stop();
    this.pointer.stop();
    this.keyboard.stop();
    this.motion.stop();
    this.colours.stop();
    this.far.stop();
    this.stage.stop();
  }
}
