// The read-only picture of a flow: puts the server's cards in place, fits, pans, zooms.

const MIN_ZOOM = 0.15;
const MAX_ZOOM = 1.5;
const MARGIN = 28;
/** Below this, titles cannot be read: start at the left instead of showing everything. */
const READABLE_ZOOM = 0.5;

interface Bounds {
  left: number;
  top: number;
  width: number;
  height: number;
}

export class Picture {
  private readonly view: HTMLElement;
  private readonly bounds: Bounds;
  private x = 0;
  private y = 0;
  private zoom = 1;
  private touched = false;
  private readonly pointers = new Map<number, { x: number; y: number }>();

  constructor(private readonly root: HTMLElement) {
    const view = root.querySelector<HTMLElement>("[data-graph-view]");
    if (!view) throw new Error("The picture has no view.");
    this.view = view;
    this.bounds = this.place();
    this.fit();
    root.dataset["ready"] = "";
    this.listen();
  }

  /** Move so that this node is in the middle, at the present zoom. */
  show(node: string): void {
    const card = this.view.querySelector<HTMLElement>(`[data-node="${CSS.escape(node)}"]`);
    if (!card) return;
    const { clientWidth, clientHeight } = this.root;
    this.x = clientWidth / 2 - (Number(card.dataset["x"]) + card.offsetWidth / 2) * this.zoom;
    this.y = clientHeight / 2 - (Number(card.dataset["y"]) + card.offsetHeight / 2) * this.zoom;
    this.touched = true;
    this.draw();
  }

  /** Bring a node that is out of sight into view, unless the reader has moved the picture. */
  follow(node: string): void {
    if (this.touched) return;
    const card = this.view.querySelector<HTMLElement>(`[data-node="${CSS.escape(node)}"]`);
    if (!card) return;
    const left = this.x + Number(card.dataset["x"]) * this.zoom;
    if (left >= 0 && left + 240 * this.zoom <= this.root.clientWidth) return;
    this.show(node);
    this.touched = false;
  }

  private place(): Bounds {
    let left = Infinity;
    let top = Infinity;
    let right = -Infinity;
    let bottom = -Infinity;
    for (const card of this.view.querySelectorAll<HTMLElement>("[data-node]")) {
      const x = Number(card.dataset["x"]);
      const y = Number(card.dataset["y"]);
      const width = Number(card.dataset["width"]);
      card.style.transform = `translate(${x}px, ${y}px)`;
      // Boxes, frames and notes are as large as they say; all other cards are as static CSS has them.
      if ("box" in card.dataset || "frame" in card.dataset || "sized" in card.dataset) {
        card.style.width = `${width}px`;
        card.style.height = `${card.dataset["height"]}px`;
      }
      left = Math.min(left, x);
      top = Math.min(top, y);
      right = Math.max(right, x + width);
      bottom = Math.max(bottom, y + Number(card.dataset["height"]));
    }
    if (left > right) return { left: 0, top: 0, width: 240, height: 80 };
    return { left, top, width: right - left, height: bottom - top };
  }

  private fit(): void {
    const { clientWidth, clientHeight } = this.root;
    const wide = (clientWidth - 2 * MARGIN) / this.bounds.width;
    const high = (clientHeight - 2 * MARGIN) / this.bounds.height;
    const all = Math.min(wide, high, 1);
    const readable = all < READABLE_ZOOM && !this.touched && this.root.dataset["fit"] !== "all";
    this.zoom = Math.max(readable ? Math.min(high, READABLE_ZOOM + 0.15, 1) : all, MIN_ZOOM);
    const spare = clientWidth - this.bounds.width * this.zoom;
    this.x = (spare > 0 ? spare / 2 : MARGIN) - this.bounds.left * this.zoom;
    this.y = (clientHeight - this.bounds.height * this.zoom) / 2 - this.bounds.top * this.zoom;
    this.draw();
  }

  private draw(): void {
    this.view.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.zoom})`;
    const grid = 20 * this.zoom * (this.zoom < 0.5 ? 2 : 1);
    this.root.style.backgroundSize = `${grid}px ${grid}px`;
    this.root.style.backgroundPosition = `${this.x}px ${this.y}px`;
  }

  private zoomAt(factor: number, atX: number, atY: number): void {
    const zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, this.zoom * factor));
    this.x = atX - ((atX - this.x) * zoom) / this.zoom;
    this.y = atY - ((atY - this.y) * zoom) / this.zoom;
    this.zoom = zoom;
    this.touched = true;
    this.draw();
  }

  private listen(): void {
    const { root } = this;
    root.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    root.addEventListener("pointerdown", (event) => this.onDown(event));
    root.addEventListener("pointermove", (event) => this.onMove(event));
    for (const end of ["pointerup", "pointercancel"] as const) {
      root.addEventListener(end, (event) => this.onUp(event));
    }
    root.addEventListener("keydown", (event) => this.onKey(event));
    for (const button of root.querySelectorAll<HTMLElement>("[data-graph-tool]")) {
      button.addEventListener("click", () => this.tool(button.dataset["graphTool"] ?? ""));
    }
    new ResizeObserver(() => {
      if (!this.touched) this.fit();
    }).observe(root);
  }

  private tool(name: string): void {
    const { clientWidth, clientHeight } = this.root;
    if (name === "in") this.zoomAt(1.25, clientWidth / 2, clientHeight / 2);
    if (name === "out") this.zoomAt(0.8, clientWidth / 2, clientHeight / 2);
    if (name === "fit") {
      this.touched = true;
      this.fit();
    }
  }

  private onWheel(event: WheelEvent): void {
    // A plain wheel scrolls the page: the picture stands in the middle of one.
    if (!event.ctrlKey && !event.metaKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    const box = this.root.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) {
      const factor = Math.exp(-event.deltaY * 0.0025);
      this.zoomAt(factor, event.clientX - box.left, event.clientY - box.top);
      return;
    }
    this.x -= event.deltaX;
    this.touched = true;
    this.draw();
  }

  private onDown(event: PointerEvent): void {
    if (event.target instanceof Element && event.target.closest("button, a")) return;
    if (event.pointerType === "mouse" && event.button > 1) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (event.pointerType === "mouse") this.root.setPointerCapture(event.pointerId);
    this.root.dataset["panning"] = "";
  }

  private onMove(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
    else {
      this.x += now.x - before.x;
      // One finger up or down scrolls the page (touch-action: pan-y).
      if (event.pointerType === "mouse") this.y += now.y - before.y;
      this.touched = true;
      this.draw();
    }
    this.pointers.set(event.pointerId, now);
  }

  private pinch(id: number, before: { x: number; y: number }, now: { x: number; y: number }): void {
    const other = [...this.pointers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const span = Math.hypot(before.x - other.x, before.y - other.y);
    const box = this.root.getBoundingClientRect();
    const factor = Math.hypot(now.x - other.x, now.y - other.y) / Math.max(span, 1);
    // Two fingers also carry the picture with them, up and down included.
    this.x += (now.x - before.x) / 2;
    this.y += (now.y - before.y) / 2;
    this.zoomAt(factor, (now.x + other.x) / 2 - box.left, (now.y + other.y) / 2 - box.top);
  }

  private onUp(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    if (this.pointers.size === 0) delete this.root.dataset["panning"];
  }

  private onKey(event: KeyboardEvent): void {
    if (event.target !== this.root) return;
    const step = 60;
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [step, 0],
      ArrowRight: [-step, 0],
      ArrowUp: [0, step],
      ArrowDown: [0, -step],
    };
    const move = moves[event.key];
    if (move) {
      this.x += move[0];
      this.y += move[1];
      this.touched = true;
      this.draw();
    } else if (event.key === "+" || event.key === "=") this.tool("in");
    else if (event.key === "-") this.tool("out");
    else if (event.key === "1") this.tool("fit");
    else return;
    event.preventDefault();
  }
}
