// The shapes that the canvas and the page it stands on exchange.

/** In the flow's own coordinates: pixels at zoom 1, x to the right, y down. */
export interface Point {
  x: number;
  y: number;
}

/** Where a node stands; notes and frames have a size of their own. */
export interface Place extends Point {
  width?: number;
  height?: number;
}

export interface Rect extends Point {
  width: number;
  height: number;
}

/** `x`, `y` are screen pixels of the flow's origin from the canvas's corner. */
export interface View extends Point {
  zoom: number;
}

export interface CanvasEdge {
  id: string;
  source: string;
  port: string;
  target: string;
  category: string;
}

/** What a run made of an edge; empty while unknown. */
export type EdgeFlow = "live" | "active" | "dead" | "broken" | "";

export interface PortRef {
  node: string;
  port: string;
}

/** The loose end of a wire: it comes from a port, or it goes to a node. */
export type Loose = PortRef | { to: string };

export type MenuTarget = { node: string } | { edge: string } | { canvas: true };

/** What the page does with what people do; the canvas only moves cards while they are dragged. */
export interface CanvasHost {
  /** Once, at the end of a move; what containers and frames carry along is in it. */
  moved(places: Map<string, Place>, how: "drag" | "keys"): void;
  resized(id: string, place: Place): void;
  connect(from: PortRef, to: string): void;
  reconnect(edge: string, end: { from: PortRef } | { to: string }): void;
  disconnect(edge: string): void;
  /** True, or a sentence on why not; `without` is an edge that would go at the same time. */
  canConnect(from: PortRef, to: string, without?: string): true | string;
  connectDropped(loose: Loose, at: Point, client: Point): void;
  /** Instead of `moved`, or after `droppedInto`; `places` are those not told by that. */
  droppedOnEdge(node: string, edge: string, places: Map<string, Place>): void;
  /** Instead of `moved`, where dragged nodes have changed their container. */
  droppedInto(nodes: string[], container: string | null, places: Map<string, Place>): void;
  selected(nodes: ReadonlySet<string>, edges: ReadonlySet<string>): void;
  opened(id: string): void;
  menu(target: MenuTarget, client: Point): void;
  emptyDoubleClick(at: Point, client: Point): void;
  addOnPort(node: string, port: string, client: Point): void;
  addOnEdge(edge: string, client: Point): void;
  /** When the view has come to rest. */
  viewChanged(view: View): void;
}
