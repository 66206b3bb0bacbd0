// Nodes as text, so that they can be copied to other flows and tabs; secrets never come along.
import type { FlowModel } from "./model.ts";
import { freeId, renamedEdge, renamedNode } from "./names.ts";
import { sourceOf } from "./ops.ts";
import type { EdgeEntry, FlowDocument, Json, NodeEntry, Op, Place } from "./ops.ts";
import { frozen, isObject } from "./values.ts";

export const CLIP_SCHEMA = "fluxprompt.clip/v1";
/** Pixels that a duplicate stands beside its original. */
const BESIDE = 40;
/** Headers whose values are secrets, where they are written out and no expression. */
const SECRET_HEADER = /^(authorization|proxy-authorization|cookie|.*api[-_]?key|.*token|.*secret)$/i;
const CONTAINERS: ReadonlySet<string> = new Set(["map", "loop"]);

/**
 * For each type of node the paths of its config that name credentials, with dots; `*` stands for
 * any key and any place of a list.
 */
export type SecretPaths = Readonly<Record<string, ReadonlySet<string>>>;

export interface Clip {
  readonly schema: typeof CLIP_SCHEMA;
  readonly nodes: readonly NodeEntry[];
  readonly edges: readonly EdgeEntry[];
  readonly layout: Readonly<Record<string, Place>>;
}

/** `leftOut`: what was not copied because it is secret, as `node.config.path`. */
export interface Copied {
  readonly clip: Clip;
  readonly text: string;
  readonly leftOut: readonly string[];
}

/** `done` is what is said once it was done. */
export interface Pasted {
  readonly label: string;
  readonly done: string;
  readonly ops: readonly Op[];
  /** The id in the flow of each node of the clip. */
  readonly ids: ReadonlyMap<string, string>;
}

/** Nodes with what is in them, and the edges between them. */
export function copyNodes(model: FlowModel, ids: Iterable<string>, secrets: SecretPaths): Copied {
  const leftOut: string[] = [];
  const whole = clipOf(model, ids);
  const nodes = whole.nodes.map((node) => withoutSecrets(node, secrets[node.type], leftOut));
  const clip = { ...whole, nodes };
  return { clip, text: JSON.stringify(clip, null, 2), leftOut };
}

/** Another one of each node, beside it; credentials stay, for it is the same flow. */
export function duplicateNodes(
  model: FlowModel,
  ids: Iterable<string>,
  instead?: ReadonlyMap<string, string>,
): Pasted {
  const clip = clipOf(model, ids);
  const options = { shift: { x: BESIDE, y: BESIDE }, ...(instead ? { instead } : {}) };
  const pasted = pasteClip(model, clip, options);
  const what = counted(clip.nodes.filter(({ id }) => !instead?.has(id)));
  return { ...pasted, label: `Duplicate ${what}`, done: `Duplicated ${what}` };
}

export interface PasteOptions {
  /** Where the top left corner of what is pasted goes; places stay as they are without. */
  readonly at?: Place;
  readonly shift?: Place;
  /** The container it goes into, null: none. Without: as it was, where that is here. */
  readonly parent?: string | null;
  /** Nodes of the clip that are not added, and which of the flow's stand for them. */
  readonly instead?: ReadonlyMap<string, string>;
}

/** The operations that add a clip to a flow, under ids that are free there. */
export function pasteClip(model: FlowModel, clip: Clip, options: PasteOptions = {}): Pasted {
  const nodes = clip.nodes.filter(({ id }) => !options.instead?.has(id));
  const ids = new Map([...freeIds(model, nodes), ...(options.instead ?? [])]);
  const inside = new Set(clip.nodes.map(({ id }) => id));
  const shift = options.shift ?? shiftTo(clip, options.at);
  const ops: Op[] = outerFirst(nodes).map((node) => {
    const renamed = renamedNode(node, ids);
    const parent = parentOf(model, node, inside, ids, options.parent);
    const { parent: _, ...rest } = renamed;
    const at = clip.layout[node.id];
    const place = at ? { ...at, x: at.x + shift.x, y: at.y + shift.y } : null;
    return { op: "add_node", node: parent ? { ...rest, parent } : rest, place };
  });
  for (const edge of clip.edges) {
    const source = sourceOf(edge).node;
    if (!inside.has(source) || !inside.has(edge.to) || options.instead?.has(edge.to)) continue;
    // A node that stands outside of the container that is pasted into cannot lead into it.
    if (options.parent && options.instead?.has(source)) continue;
    ops.push({ op: "add_edge", edge: renamedEdge(edge, ids) });
  }
  const what = counted(nodes);
  return { label: `Paste ${what}`, done: `Pasted ${what}`, ops: frozen(ops), ids };
}

/** The operations that remove nodes with what is in them and all their edges. */
export function removeNodes(model: FlowModel, ids: Iterable<string>): { label: string; done: string; ops: Op[] } {
  const all = [...model.withInside(ids)];
  const keys = new Set(all.flatMap((id) => [...model.wiresOf(id)]));
  const ops: Op[] = [...keys].flatMap((key) => {
    const edge = model.edges.get(key);
    return edge ? [{ op: "remove_edge", edge }] : [];
  });
  // Inner ones first: a container has to be empty.
  for (const node of all.reverse()) ops.push({ op: "remove_node", node });
  const nodes = all.flatMap((id) => model.nodes.get(id) ?? []);
  const what = counted(nodes);
  return { label: `Delete ${what}`, done: `Deleted ${what}`, ops };
}

/** The clip in a text, a whole flow's document counted; null where there is none. */
export function clipIn(text: string): Clip | null {
  try {
    return asClip(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Plain data as a clip, where it has the shape of one or of a document. */
export function asClip(data: unknown): Clip | null {
  if (!isObject(data) || !Array.isArray(data["nodes"])) return null;
  const { schema } = data;
  if (schema !== undefined && !/^fluxprompt\.(clip|flow)\/v1$/.test(String(schema))) return null;
  const document = data as unknown as FlowDocument;
  const nodes = document.nodes.filter((node) => isNode(node));
  if (nodes.length === 0 || nodes.length < document.nodes.length) return null;
  const edges = Array.isArray(document.edges) ? document.edges.filter(isEdge) : [];
  const places = Object.entries(isObject(document.layout) ? document.layout : {});
  const layout = Object.fromEntries(places.filter(([, place]) => isPlace(place)));
  return frozen({ schema: CLIP_SCHEMA, nodes, edges, layout } as Clip);
}

function isNode(node: unknown): boolean {
  return isObject(node) && typeof node["id"] === "string" && typeof node["type"] === "string";
}

function isEdge(edge: unknown): edge is EdgeEntry {
  return isObject(edge) && typeof edge["from"] === "string" && typeof edge["to"] === "string";
}

function isPlace(place: unknown): boolean {
  return isObject(place) && Number.isFinite(place["x"]) && Number.isFinite(place["y"]);
}

function clipOf(model: FlowModel, ids: Iterable<string>): Clip {
  const all = model.withInside(ids);
  const nodes = [...model.nodes.values()].filter(({ id }) => all.has(id));
  const edges = [...model.edges.values()].filter(
    (edge) => all.has(sourceOf(edge).node) && all.has(edge.to),
  );
  const layout = Object.fromEntries([...model.places].filter(([id]) => all.has(id)));
  return { schema: CLIP_SCHEMA, nodes, edges, layout };
}

function freeIds(model: FlowModel, nodes: readonly NodeEntry[]): Map<string, string> {
  const taken = new Set(model.nodes.keys());
  const ids = new Map<string, string>();
  for (const { id } of nodes) {
    ids.set(id, freeId(id, taken));
    taken.add(ids.get(id) as string);
  }
  return ids;
}

function parentOf(
  model: FlowModel,
  node: NodeEntry,
  inside: ReadonlySet<string>,
  ids: ReadonlyMap<string, string>,
  wanted: string | null | undefined,
): string | undefined {
  if (node.parent && inside.has(node.parent)) return ids.get(node.parent);
  if (wanted !== undefined) return wanted ?? undefined;
  const holder = node.parent ? model.nodes.get(node.parent) : undefined;
  return holder && CONTAINERS.has(holder.type) ? holder.id : undefined;
}

function outerFirst(nodes: readonly NodeEntry[]): NodeEntry[] {
  const parents = new Map(nodes.map((node) => [node.id, node.parent]));
  const depth = (id: string | undefined, most: number): number =>
    id === undefined || !parents.has(id) || most === 0 ? 0 : 1 + depth(parents.get(id), most - 1);
  const depths = new Map(nodes.map((node) => [node, depth(node.id, nodes.length)]));
  return [...nodes].sort((a, b) => (depths.get(a) ?? 0) - (depths.get(b) ?? 0));
}

function shiftTo(clip: Clip, at: Place | undefined): Place {
  const places = Object.values(clip.layout);
  if (!at || places.length === 0) return { x: 0, y: 0 };
  const x = Math.min(...places.map((place) => place.x));
  const y = Math.min(...places.map((place) => place.y));
  return { x: at.x - x, y: at.y - y };
}

function counted(nodes: readonly NodeEntry[]): string {
  const [first] = nodes;
  return nodes.length === 1 && first ? `“${first.label || first.id}”` : `${nodes.length} nodes`;
}

function withoutSecrets(
  node: NodeEntry,
  paths: ReadonlySet<string> | undefined,
  leftOut: string[],
): NodeEntry {
  if (!node.config) return node;
  const secret = [...(paths ?? [])].map((path) => path.split("."));
  const config = stripped(node.config, [], secret, (path) =>
    leftOut.push([node.id, "config", ...path].join(".")),
  );
  return { ...node, config: (config ?? {}) as NonNullable<NodeEntry["config"]> };
}

function stripped(
  value: Json,
  path: readonly string[],
  secret: readonly (readonly string[])[],
  say: (path: readonly string[]) => void,
): Json | undefined {
  if (secret.some((known) => matches(known, path)) || isSecretHeader(path, value)) {
    say(path);
    return undefined;
  }
  if (Array.isArray(value)) {
    const items = value.map((item: Json, at) => stripped(item, [...path, String(at)], secret, say));
    return items.map((item) => item ?? null);
  }
  if (!isObject(value)) return value;
  const kept: [string, Json][] = [];
  for (const [key, item] of Object.entries(value)) {
    const left = stripped(item, [...path, key], secret, say);
    if (left !== undefined) kept.push([key, left]);
  }
  return Object.fromEntries(kept);
}

function matches(known: readonly string[], path: readonly string[]): boolean {
  if (known.length !== path.length) return false;
  return known.every((key, index) => key === "*" || key === path[index]);
}

function isSecretHeader(path: readonly string[], value: Json): boolean {
  const [place, name = ""] = path.slice(-2);
  if (place !== "headers" || typeof value !== "string" || value.includes("{{")) return false;
  return SECRET_HEADER.test(name);
}
