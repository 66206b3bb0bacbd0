// The operations of what people do to a flow: add, remove and heal, move into containers, frame.
import { removeNodes } from "../clipboard";
import type { FlowModel } from "../model";
import { freeId } from "../names";
import { edgeBetween, edgeKey, sourceOf } from "../ops";
import type { EdgeEntry, JsonObject, NodeEntry, Op, Place } from "../ops";
import type { NodeEnd } from "./actions";
import { canConnect } from "./connecting";
import { titleOf } from "./graph-info";
import type { NodeTypeInfo } from "./node-types";

/** `done` is what is said once it was done: “Deleted 3 nodes” of the step “Delete 3 nodes”. */
export interface Composed {
  readonly label: string;
  readonly done: string;
  readonly ops: readonly Op[];
}

export interface NewNode {
  readonly type: NodeTypeInfo;
  readonly place: Place;
  readonly parent: string | null;
  readonly config?: JsonObject;
  readonly after?: NodeEnd;
  readonly before?: string;
  readonly onEdge?: EdgeEntry;
  /** New places of the cards that make room. */
  readonly others?: ReadonlyMap<string, Place>;
}

/** A node of this type under a free id, with the wires that its place asks for. */
export function added(model: FlowModel, wanted: NewNode): Composed & { readonly id: string } {
  const { type, place, parent } = wanted;
  const id = freeId(type.type, model.nodes);
  const config = wanted.config ?? (type.defaults as JsonObject);
  const node: NodeEntry = {
    id,
    type: type.type,
    ...(type.version > 1 ? { version: type.version } : {}),
    ...(Object.keys(config).length > 0 ? { config } : {}),
    ...(parent ? { parent } : {}),
  };
  const ops: Op[] = [{ op: "add_node", node, place }, ...placed(model, wanted.others ?? new Map())];
  const [out] = type.ports;
  const edge = wanted.onEdge;
  if (edge && type.takesInput && out) {
    ops.push({ op: "remove_edge", edge });
    ops.push({ op: "add_edge", edge: { from: edge.from, to: id } });
    ops.push({ op: "add_edge", edge: edgeBetween(id, out.name, edge.to) });
  } else {
    const { after, before } = wanted;
    if (after && type.takesInput) {
      ops.push({ op: "add_edge", edge: edgeBetween(after.node, after.port, id) });
    }
    if (before && out) ops.push({ op: "add_edge", edge: edgeBetween(id, out.name, before) });
  }
  return { id, label: `Add “${type.title}”`, done: `Added “${type.title}”`, ops };
}

/** Nodes go with all that is in them, edges too; what they stood between is joined, if `heal`. */
export function removed(
  model: FlowModel,
  nodes: readonly string[],
  edges: readonly string[],
  heal = true,
): Composed & { readonly healed: number } {
  const gone = removeNodes(model, nodes);
  const touched = new Set(gone.ops.flatMap((op) => (op.op === "remove_edge" ? [edgeKey(op.edge)] : [])));
  const ops: Op[] = [];
  for (const key of edges) {
    const edge = model.edges.get(key);
    if (edge && !touched.has(key)) ops.push({ op: "remove_edge", edge });
  }
  ops.push(...gone.ops);
  const joints = heal ? healing(model, nodes, new Set(edges)) : [];
  ops.push(...joints.map((edge): Op => ({ op: "add_edge", edge })));
  const wires = ops.length === 1 ? "a wire" : `${ops.length} wires`;
  const said = nodes.length > 0 ? gone : { label: `Delete ${wires}`, done: `Deleted ${wires}` };
  return { label: said.label, done: said.done, ops, healed: joints.length };
}

/** Wires past a chain of removed nodes, where one leads in and one leads out. */
function healing(model: FlowModel, nodes: readonly string[], without: ReadonlySet<string>): EdgeEntry[] {
  const gone = model.withInside(nodes);
  const joints: EdgeEntry[] = [];
  for (const id of gone) {
    const into = wires(model, id).filter((edge) => edge.to === id && !gone.has(sourceOf(edge).node));
    const [first] = into;
    if (into.length !== 1 || !first || without.has(edgeKey(first))) continue;
    const last = endOfChain(model, id, gone);
    if (!last || without.has(edgeKey(last))) continue;
    const { node, port } = sourceOf(first);
    if (canConnect(model, { node, port }, last.to) === true) joints.push({ from: first.from, to: last.to });
  }
  // Branches beside one another, between the same two nodes, leave one wire.
  return [...new Map(joints.map((edge) => [edgeKey(edge), edge])).values()];
}

/** The one wire that leaves a chain of removed nodes; undefined where it forks or ends. */
function endOfChain(model: FlowModel, from: string, gone: ReadonlySet<string>): EdgeEntry | undefined {
  for (let id = from, steps = 0; steps <= gone.size; steps += 1) {
    const leaving = wires(model, id).filter((edge) => sourceOf(edge).node === id);
    const [only] = leaving;
    if (leaving.length !== 1 || !only) return undefined;
    if (!gone.has(only.to)) return only;
    id = only.to;
  }
  return undefined;
}

function wires(model: FlowModel, id: string): EdgeEntry[] {
  return [...model.wiresOf(id)].flatMap((key) => model.edges.get(key) ?? []);
}

/** What a step calls nodes: one by its title, several by their number. */
export function named(model: FlowModel, ids: readonly string[]): string {
  const entry = ids.length === 1 ? model.nodes.get(ids[0] ?? "") : undefined;
  return entry ? `“${titleOf(entry)}”` : `${ids.length} nodes`;
}

/** Nodes into a container, or out of all; wires that would cross its wall go. */
export function movedInto(
  model: FlowModel,
  nodes: readonly string[],
  container: string | null,
  places: ReadonlyMap<string, Place>,
): Composed & { readonly cut: number } {
  const moved = new Set(nodes);
  const cut = new Map<string, EdgeEntry>();
  for (const id of nodes) {
    for (const edge of wires(model, id)) {
      const other = sourceOf(edge).node === id ? edge.to : sourceOf(edge).node;
      const parent = moved.has(other) ? container : (model.nodes.get(other)?.parent ?? null);
      if (parent !== container) cut.set(edgeKey(edge), edge);
    }
  }
  const ops: Op[] = [...cut.values()].map((edge) => ({ op: "remove_edge", edge }));
  for (const id of nodes) {
    const path = ["parent"];
    ops.push(container ? { op: "set", node: id, path, value: container } : { op: "set", node: id, path });
  }
  ops.push(...placed(model, places));
  const holder = container === null ? undefined : model.nodes.get(container);
  const where = holder ? `into “${titleOf(holder)}”` : "out of the container";
  const what = `${named(model, nodes)} ${where}`;
  return { label: `Move ${what}`, done: `Moved ${what}`, ops, cut: cut.size };
}

/** Places of nodes that are still there; the size of notes stays. */
export function placed(model: FlowModel, places: ReadonlyMap<string, Place>): Op[] {
  return [...places].flatMap(([id, place]): Op[] => {
    if (!model.nodes.has(id)) return [];
    const { width, height } = { ...model.places.get(id), ...place };
    const sized = width !== undefined && height !== undefined ? { width, height } : {};
    return [{ op: "place", node: id, place: { x: place.x, y: place.y, ...sized } }];
  });
}
