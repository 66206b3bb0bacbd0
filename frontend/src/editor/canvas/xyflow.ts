// The one place that knows the canvas engine of React Flow; its exact version is pinned.
import {
  PanOnScrollMode,
  XYPanZoom,
  calcAutoPan,
  infiniteExtent,
  type PanZoomInstance,
} from "@xyflow/system";
import type { Point, Rect, View } from "./types";

export const MIN_ZOOM = 0.05;
export const MAX_ZOOM = 2;

/** Wheel, mouse, touch and pinch as a moving and scaling view of `root`. */
export class PanZoom {
  private readonly engine: PanZoomInstance;

  constructor(
    root: HTMLElement,
    changed: (view: View) => void,
    rested: () => void,
    panning: (now: boolean) => void,
  ) {
    this.engine = XYPanZoom({
      domNode: root,
      minZoom: MIN_ZOOM,
      maxZoom: MAX_ZOOM,
      translateExtent: infiniteExtent,
      viewport: { x: 0, y: 0, zoom: 1 },
      onDraggingChange: panning,
      onPanZoomEnd: rested,
    });
    this.engine.update({
      noWheelClassName: "nowheel",
      noPanClassName: "nopan",
      preventScrolling: true,
      panOnScroll: true,
      panOnScrollMode: PanOnScrollMode.Free,
      panOnScrollSpeed: 1,
      panOnDrag: true,
      userSelectionActive: false,
      zoomOnPinch: true,
      zoomOnScroll: false,
      zoomOnDoubleClick: false,
      zoomActivationKeyPressed: false,
      lib: "flux",
      connectionInProgress: false,
      paneClickDistance: 3,
      onTransformChange: ([x, y, zoom]) => changed({ x, y, zoom }),
    });
  }

  set(view: View, milliseconds: number): void {
    const options = milliseconds ? { duration: milliseconds, ease: easeOut } : undefined;
    void this.engine.setViewport(view, options);
  }

  stop(): void {
    this.engine.destroy();
  }
}

export const easeOut = (t: number): number => 1 - (1 - t) ** 3;

/** How far to move the view in one frame while something is dragged at the edge of `box`. */
export function edgePan(at: Point, box: Rect): Point {
  const [x = 0, y = 0] = calcAutoPan({ x: at.x - box.x, y: at.y - box.y }, box, 14, 44);
  return { x, y };
}
