// The operations that change a draft: what the browser and the server say to each other.

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** A card's top left corner in pixels of the canvas; notes and frames have a size too. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width?: number;
  readonly height?: number;
}

/** A node as documents write it, without what is as the defaults have it. */
export interface NodeEntry {
  readonly id: string;
  readonly type: string;
  readonly version?: number;
  readonly label?: string;
  readonly config?: JsonObject;
  readonly parent?: string;
  readonly retry?: JsonObject;
  readonly timeout_seconds?: number;
  readonly on_error?: string;
  readonly disabled?: boolean;
}

/** `from` is a node, or `node.port` where the port is another one than `out`. */
export interface EdgeEntry {
  readonly from: string;
  readonly to: string;
}

export interface FlowHead {
  readonly name: string;
  readonly description: string;
  readonly settings: JsonObject;
}

export interface FlowDocument {
  readonly schema?: string;
  readonly name: string;
  readonly description?: string;
  readonly settings?: JsonObject;
  readonly nodes: readonly NodeEntry[];
  readonly edges?: readonly EdgeEntry[];
  readonly layout?: Readonly<Record<string, Place>>;
}

export type Op =
  | { readonly op: "add_node"; readonly node: NodeEntry; readonly place: Place | null }
  | { readonly op: "remove_node"; readonly node: string }
  | SetOp
  | { readonly op: "place"; readonly node: string; readonly place: Place | null }
  | { readonly op: "add_edge"; readonly edge: EdgeEntry }
  | { readonly op: "remove_edge"; readonly edge: EdgeEntry }
  | { readonly op: "rename_node"; readonly node: string; readonly to: string }
  | { readonly op: "set_flow"; readonly path: readonly string[]; readonly value?: Json }
  | { readonly op: "pin"; readonly node: string; readonly value: Json };

/** Without `value` the key is removed. */
export interface SetOp {
  readonly op: "set";
  readonly node: string;
  readonly path: readonly string[];
  readonly value?: Json;
}

export type ConflictCode =
  | "node_gone"
  | "id_taken"
  | "overwritten"
  | "edge_exists"
  | "edge_gone"
  | "not_connectable"
  | "invalid"
  | "limit";

/** `op` is the index in the change that was sent; `theirs` the value that was replaced. */
export interface Conflict {
  readonly op: number;
  readonly code: ConflictCode;
  readonly message: string;
  readonly node?: string;
  readonly path?: readonly string[];
  readonly theirs?: Json;
  readonly by?: string;
}

export interface Change {
  readonly id: string;
  readonly label: string;
  readonly ops: readonly Op[];
}

/** A change as the server applied it: `ops` without those that could not be. */
export interface Applied extends Change {
  readonly revision: number;
  readonly tab: string;
  readonly by: string;
  readonly conflicts: readonly Conflict[];
}

export interface Refused {
  readonly id: string;
  readonly conflicts: readonly Conflict[];
}

export interface Person {
  readonly tab: string;
  readonly name: string;
  readonly initial: string;
  readonly selected: readonly string[];
}

export const ID_PATTERN = /^[a-z][a-z0-9_]{0,62}$/;
/** The keys of a node that a `set` may begin with. */
export const SETTABLE: ReadonlySet<string> = new Set([
  "config",
  "label",
  "retry",
  "timeout_seconds",
  "on_error",
  "parent",
  "version",
  "type",
  "disabled",
]);

/** The edge as it is written shortest: the port `out` is not. */
export function plainEdge(edge: EdgeEntry): EdgeEntry {
  return edge.from.endsWith(".out") ? { from: edge.from.slice(0, -4), to: edge.to } : edge;
}

export function edgeKey(edge: EdgeEntry): string {
  const { from, to } = plainEdge(edge);
  return `${from}>${to}`;
}

export function sourceOf(edge: EdgeEntry): { node: string; port: string } {
  const dot = edge.from.indexOf(".");
  if (dot < 0) return { node: edge.from, port: "out" };
  return { node: edge.from.slice(0, dot), port: edge.from.slice(dot + 1) };
}

export function edgeBetween(node: string, port: string, to: string): EdgeEntry {
  return { from: port === "out" ? node : `${node}.${port}`, to };
}

/** The node that an operation is about; an edge's source stands for the edge. */
export function nodeOf(op: Op): string | null {
  if (op.op === "add_node") return op.node.id;
  if (op.op === "add_edge" || op.op === "remove_edge") return sourceOf(op.edge).node;
  return op.op === "set_flow" ? null : op.node;
}
