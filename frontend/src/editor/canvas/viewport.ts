// The view of the canvas: where it is, what is in it, and how it is moved.
import type { Frame, Job } from "./frame";
import { clamp, grown } from "./geometry";
import type { Point, Rect, View } from "./types";
import { MAX_ZOOM, MIN_ZOOM, PanZoom } from "./xyflow";

/** Below this nothing on a card can be read: the flow is drawn, not laid out. */
export const FAR_ZOOM = 0.35;
const MOTION = 220;
const MARGIN = 48;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export const animations = (): boolean => !calm.matches;

export class Viewport {
  readonly now: View = { x: 0, y: 0, zoom: 1 };
  /** Of the canvas in the window. */
  bounds: Rect = { x: 0, y: 0, width: 0, height: 0 };
  far = false;
  private readonly panZoom: PanZoom;
  private readonly grid = document.createElement("div");
  private readonly watch: ResizeObserver;
  private readonly job: Job = { rank: 0, run: () => this.draw() };
  private resting = 0;
  /** The cards on the page are not where the view is: far out they are only drawn. */
  private behind = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly plane: HTMLElement,
    private readonly frame: Frame,
    private readonly seen: () => void,
    private readonly rested: () => void,
  ) {
    // A sibling of the cards: a style that changes on their ancestor would restyle them all.
    this.grid.className = "canvas-grid";
    root.prepend(this.grid);
    this.measure();
    this.panZoom = new PanZoom(
      root,
      (view) => this.changed(view),
      () => this.rest(),
      (now) => root.toggleAttribute("data-panning", now),
    );
    this.watch = new ResizeObserver(() => {
      this.measure();
      this.frame.ask(this.job);
    });
    this.watch.observe(root);
  }

  /** Read where the canvas stands in the window: gestures ask for it as they begin. */
  measure(): void {
    const { left, top, width, height } = this.root.getBoundingClientRect();
    this.bounds = { x: left, y: top, width, height };
  }

  set(view: View, animate = false): void {
    const zoom = clamp(view.zoom, MIN_ZOOM, MAX_ZOOM);
    this.panZoom.set({ ...view, zoom }, animate && animations() ? MOTION : 0);
  }

  panBy(x: number, y: number): void {
    this.set({ x: this.now.x + x, y: this.now.y + y, zoom: this.now.zoom });
  }

  /** Zoom so that the flow stays where it is under `at` (canvas pixels), the middle by default. */
  zoomTo(zoom: number, at: Point = this.middle(), animate = true): void {
    const to = clamp(zoom, MIN_ZOOM, MAX_ZOOM);
    const { x, y, zoom: from } = this.now;
    const factor = to / from;
    this.set({ x: at.x - (at.x - x) * factor, y: at.y - (at.y - y) * factor, zoom: to }, animate);
  }

  fit(box: Rect, animate = true): void {
    const wide = (this.bounds.width - 2 * MARGIN) / Math.max(box.width, 1);
    const high = (this.bounds.height - 2 * MARGIN) / Math.max(box.height, 1);
    this.centre(box, clamp(Math.min(wide, high), MIN_ZOOM, 1), animate);
  }

  centre(box: Rect, zoom = this.now.zoom, animate = true): void {
    const { x, y } = this.middle();
    this.set(
      { x: x - (box.x + box.width / 2) * zoom, y: y - (box.y + box.height / 2) * zoom, zoom },
      animate,
    );
  }

  /** Move as little as needed for the box to be in sight. */
  reveal(box: Rect): void {
    const { x, y, width, height } = grown(this.onScreen(box), 24);
    const dx = x < 0 ? -x : Math.min(0, this.bounds.width - (x + width));
    const dy = y < 0 ? -y : Math.min(0, this.bounds.height - (y + height));
    if (dx || dy) this.set({ x: this.now.x + dx, y: this.now.y + dy, zoom: this.now.zoom }, true);
  }

  toFlow(clientX: number, clientY: number): Point {
    const { x, y, zoom } = this.now;
    return { x: (clientX - this.bounds.x - x) / zoom, y: (clientY - this.bounds.y - y) / zoom };
  }

  toClient(at: Point): Point {
    const { x, y, zoom } = this.now;
    return { x: at.x * zoom + x + this.bounds.x, y: at.y * zoom + y + this.bounds.y };
  }

  /** In pixels from the canvas's corner. */
  onScreen(box: Rect): Rect {
    const { x, y, zoom } = this.now;
    return {
      x: box.x * zoom + x,
      y: box.y * zoom + y,
      width: box.width * zoom,
      height: box.height * zoom,
    };
  }

  /** What of the flow is in sight, with `margin` screen pixels around it. */
  visible(margin = 0): Rect {
    const { x, y, zoom } = this.now;
    const { width, height } = this.bounds;
    return grown(
      { x: -x / zoom, y: -y / zoom, width: width / zoom, height: height / zoom },
      margin / zoom,
    );
  }

  /** Bring the cards on the page to where they are drawn; they have to be there to be pressed. */
  catchUp(): void {
    if (!this.behind) return;
    this.behind = false;
    const { x, y, zoom } = this.now;
    this.plane.style.transform = `translate(${x}px, ${y}px) scale(${zoom})`;
  }

  stop(): void {
    clearTimeout(this.resting);
    this.watch.disconnect();
    this.panZoom.stop();
  }

  private middle(): Point {
    return { x: this.bounds.width / 2, y: this.bounds.height / 2 };
  }

  private changed(view: View): void {
    Object.assign(this.now, view);
    this.frame.ask(this.job);
    this.rest();
  }

  private rest(): void {
    clearTimeout(this.resting);
    this.resting = window.setTimeout(() => {
      this.catchUp();
      this.rested();
    }, 200);
  }

  private draw(): void {
    const { x, y, zoom } = this.now;
    const step = 20 * zoom * (zoom < 0.5 ? (zoom < 0.2 ? 5 : 2) : 1);
    this.grid.style.backgroundSize = `${step}px ${step}px`;
    this.grid.style.backgroundPosition = `${x}px ${y}px`;
    const far = zoom < FAR_ZOOM;
    this.behind = true;
    // A thousand cards that nobody sees would take ten times as long to move as to draw.
    if (!far || !this.far) this.catchUp();
    if (far !== this.far) {
      this.far = far;
      this.root.toggleAttribute("data-far", far);
    }
    this.seen();
  }
}
