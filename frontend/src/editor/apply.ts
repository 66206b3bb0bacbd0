// What each operation does to a draft, and the operations that undo it.
import type { Draft } from "./draft.ts";
import { edgeKey, ID_PATTERN, plainEdge, SETTABLE, sourceOf } from "./ops.ts";
import type {
  ConflictCode,
  EdgeEntry,
  FlowHead,
  Json,
  JsonObject,
  NodeEntry,
  Op,
  Place,
  SetOp,
} from "./ops.ts";
import { frozen, isObject, withValue } from "./values.ts";

/** An operation that cannot be applied; `index` is its place in the change. */
export class OpFailed extends Error {
  readonly code: ConflictCode;
  index = 0;

  constructor(code: ConflictCode, message: string) {
    super(message);
    this.name = "OpFailed";
    this.code = code;
  }
}

/** Carry one operation out; answers with what undoes it. Raises OpFailed, then nothing changed. */
export function perform(draft: Draft, op: Op): Op[] {
  switch (op.op) {
    case "add_node":
      return addNode(draft, op.node, op.place);
    case "remove_node":
      return removeNode(draft, op.node);
    case "set":
      return setValue(draft, op);
    case "place":
      return place(draft, op.node, op.place);
    case "add_edge":
      return addEdge(draft, op.edge);
    case "remove_edge":
      return removeEdge(draft, op.edge);
    case "rename_node":
      return rename(draft, op.node, op.to);
    case "set_flow":
      return setFlow(draft, op.path, op.value);
    case "pin":
      return pin(draft, op.node, op.value);
    default:
      throw new OpFailed("invalid", "This page is too old for this change: reload it.");
  }
}

/** The entry as documents write it: what is as the defaults have it is left out. */
export function plainNode(entry: NodeEntry): NodeEntry {
  const kept = Object.entries(entry).filter(([key, value]) => !isDefault(key, value));
  return frozen(Object.fromEntries(kept)) as unknown as NodeEntry;
}

function isDefault(key: string, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (key === "config") return isObject(value) && Object.keys(value).length === 0;
  if (key === "version") return value === 1;
  if (key === "on_error") return value === "stop";
  return (key === "label" || key === "parent" || key === "disabled") && !value;
}

function known(draft: Draft, id: string): NodeEntry {
  const entry = draft.nodes.get(id);
  if (!entry) throw new OpFailed("node_gone", `The node “${id}” is not there any more.`);
  return entry;
}

function refuseTaken(draft: Draft, id: string): void {
  if (!ID_PATTERN.test(id)) {
    const rule = "begin with a letter; then a–z, 0–9 and _, 63 signs at most";
    throw new OpFailed("invalid", `“${id}” cannot be a name of a node: ${rule}.`);
  }
  if (draft.nodes.has(id)) throw new OpFailed("id_taken", `There is a node “${id}” already.`);
}

function addNode(draft: Draft, node: NodeEntry, at: Place | null): Op[] {
  refuseTaken(draft, node.id);
  if (node.parent) known(draft, node.parent);
  draft.putNode(node.id, plainNode(node));
  if (at) draft.putPlace(node.id, frozen(at));
  return [{ op: "remove_node", node: node.id }];
}

function removeNode(draft: Draft, id: string): Op[] {
  const entry = known(draft, id);
  if (draft.wiresOf(id).size > 0) {
    throw new OpFailed("invalid", `Remove the edges of “${id}” before the node.`);
  }
  if (draft.childrenOf(id).size > 0) {
    throw new OpFailed("invalid", `Remove what is in “${id}” before the node.`);
  }
  const inverse: Op[] = [{ op: "add_node", node: entry, place: draft.places.get(id) ?? null }];
  const pinned = draft.pins.get(id);
  if (pinned !== undefined) {
    inverse.push({ op: "pin", node: id, value: pinned });
    draft.putPin(id, undefined);
  }
  if (draft.places.has(id)) draft.putPlace(id, undefined);
  draft.putNode(id, undefined);
  return inverse;
}

function setValue(draft: Draft, op: SetOp): Op[] {
  const entry = known(draft, op.node);
  const [first] = op.path;
  if (first === undefined || !SETTABLE.has(first)) {
    throw new OpFailed("invalid", `“${op.path.join(".")}” of a node cannot be set.`);
  }
  if (first === "type" && (op.path.length > 1 || typeof op.value !== "string")) {
    throw new OpFailed("invalid", "A node needs a type.");
  }
  if (first === "parent") checkParent(draft, op);
  const placed = withValue(entry as unknown as JsonObject, op.path, op.value);
  if (!placed) throw new OpFailed("invalid", `“${op.path.join(".")}” leads into no object.`);
  draft.putNode(op.node, plainNode(placed.root as unknown as NodeEntry));
  return [{ op: "set", node: op.node, ...placed.undo }];
}

function checkParent(draft: Draft, op: SetOp): void {
  if (!op.value) return;
  if (op.path.length > 1 || typeof op.value !== "string") {
    throw new OpFailed("invalid", "The parent of a node is the name of a container.");
  }
  known(draft, op.value);
  for (let at: string | undefined = op.value; at; at = draft.nodes.get(at)?.parent) {
    if (at === op.node) throw new OpFailed("invalid", "A container cannot be inside of itself.");
  }
}

function place(draft: Draft, id: string, at: Place | null): Op[] {
  known(draft, id);
  const before = draft.places.get(id) ?? null;
  draft.putPlace(id, at ? frozen(at) : undefined);
  return [{ op: "place", node: id, place: before }];
}

function addEdge(draft: Draft, given: EdgeEntry): Op[] {
  const edge = frozen(plainEdge(given));
  const source = sourceOf(edge).node;
  known(draft, source);
  known(draft, edge.to);
  if (source === edge.to) {
    throw new OpFailed("not_connectable", "A node cannot be connected with itself.");
  }
  const key = edgeKey(edge);
  if (draft.edges.has(key)) throw new OpFailed("edge_exists", "This edge is there already.");
  draft.putEdge(key, edge);
  return [{ op: "remove_edge", edge }];
}

function removeEdge(draft: Draft, given: EdgeEntry): Op[] {
  const key = edgeKey(given);
  const edge = draft.edges.get(key);
  if (!edge) throw new OpFailed("edge_gone", "This edge is not there any more.");
  draft.putEdge(key, undefined);
  return [{ op: "add_edge", edge }];
}

function rename(draft: Draft, id: string, to: string): Op[] {
  known(draft, id);
  if (id === to) return [];
  refuseTaken(draft, to);
  draft.rename(id, to);
  return [{ op: "rename_node", node: to, to: id }];
}

function setFlow(draft: Draft, path: readonly string[], value: Json | undefined): Op[] {
  const [first] = path;
  if (first !== "name" && first !== "description" && first !== "settings") {
    throw new OpFailed("invalid", `“${path.join(".")}” of a flow cannot be set.`);
  }
  const isText = first !== "settings";
  if (isText && (path.length > 1 || typeof (value ?? "") !== "string")) {
    throw new OpFailed("invalid", `The ${first} of a flow is a text.`);
  }
  if (first === "name" && !value) throw new OpFailed("invalid", "Give the flow a name.");
  const filled = value === undefined && path.length === 1 ? (isText ? "" : {}) : value;
  const placed = withValue(draft.head as unknown as JsonObject, path, filled);
  if (!placed || !isObject(placed.root["settings"])) {
    throw new OpFailed("invalid", `“${path.join(".")}” leads into no object.`);
  }
  draft.putHead(placed.root as unknown as FlowHead);
  return [{ op: "set_flow", ...placed.undo }];
}

function pin(draft: Draft, id: string, value: Json): Op[] {
  known(draft, id);
  const before = draft.pins.get(id) ?? null;
  draft.putPin(id, value === null ? undefined : frozen(value));
  return [{ op: "pin", node: id, value: before }];
}
