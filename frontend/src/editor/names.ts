// Names of nodes: free ones for new nodes, and other ones in the texts that mention them.
import { ID_PATTERN } from "./ops.ts";
import type { EdgeEntry, Json, NodeEntry, Op } from "./ops.ts";
import { edgeBetween, sourceOf } from "./ops.ts";
import { frozen } from "./values.ts";

const LONGEST = 63;
/** Names that mean something else in expressions; flows/engine/validate.py has the same. */
const RESERVED = new Set(
  (
    "run vars item index state true false none null and or not in is if else elif for endif " +
    "endfor set"
  ).split(" "),
);

/** A valid id from a label or a type; `node` where nothing of it can be used. */
export function idFrom(wish: string): string {
  const plain = wish
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  const id = (/^[a-z]/.test(plain) ? plain : plain && `node_${plain}`).slice(0, LONGEST);
  return ID_PATTERN.test(id) ? id.replace(/_+$/, "") : "node";
}

/** The first free id of `llm`, `llm_2`, `llm_3`, …; a number at the end of the wish goes on. */
export function freeId(wish: string, taken: { has(id: string): boolean }): string {
  const first = idFrom(wish);
  if (!taken.has(first) && !RESERVED.has(first)) return first;
  const numbered = /^(.+?)_(\d{1,9})$/.exec(first);
  const stem = numbered?.[1] ?? first;
  for (let number = numbered ? Number(numbered[2]) + 1 : 2; ; number += 1) {
    const end = `_${number}`;
    const id = stem.slice(0, LONGEST - end.length).replace(/_+$/, "") + end;
    if (!taken.has(id)) return id;
  }
}

const OPENING = /\{\{|\{%/g;
const STRING = /"(?:[^"\\]|\\.)*(?:"|\\?$)|'(?:[^'\\]|\\.)*(?:'|\\?$)/.source;
// A text in quotes, what follows a dot or a bar, a name, or a brace.
const PIECE = new RegExp(`${STRING}|[.|]\\s*\\w+|\\w+|[{}%]`, "gs");
const BOUND = /\{%[-+]?\s*for\s+([\w\s,]+?)\s+in\b/g;

/** The text with other names in its expressions; texts in quotes, keys and filters stay. */
export function renameInText(text: string, ids: ReadonlyMap<string, string>): string {
  if (!text.includes("{{") && !text.includes("{%")) return text;
  const bound = new Set<string>();
  for (const [, names = ""] of text.matchAll(BOUND)) {
    for (const name of names.split(",")) bound.add(name.trim());
  }
  let result = "";
  let position = 0;
  for (;;) {
    OPENING.lastIndex = position;
    const opening = OPENING.exec(text);
    if (!opening) return result + text.slice(position);
    const end = endOfCode(text, OPENING.lastIndex, opening[0] === "{%");
    result += text.slice(position, OPENING.lastIndex);
    result += renameInCode(text.slice(OPENING.lastIndex, end), ids, bound);
    position = end;
  }
}

/** Where the code that begins here ends; braces and texts in it are passed over. */
function endOfCode(text: string, start: number, isTag: boolean): number {
  let depth = 0;
  PIECE.lastIndex = start;
  for (let piece = PIECE.exec(text); piece; piece = PIECE.exec(text)) {
    const [sign] = piece;
    if (isTag && sign === "%" && text[PIECE.lastIndex] === "}") return piece.index;
    if (sign === "{") depth += 1;
    if (sign === "}") {
      if (depth === 0 && !isTag) return piece.index;
      depth -= 1;
    }
  }
  return text.length;
}

function renameInCode(
  code: string,
  ids: ReadonlyMap<string, string>,
  bound: ReadonlySet<string>,
): string {
  return code.replace(PIECE, (piece: string, offset: number) => {
    const to = ids.get(piece);
    if (to === undefined || bound.has(piece)) return piece;
    // `name=` gives an argument of a filter its name.
    const isArgument = /^\s*=(?!=)/.test(code.slice(offset + piece.length));
    return isArgument ? piece : to;
  });
}

/** The value with other names in all its texts. */
export function renameInValue(value: Json, ids: ReadonlyMap<string, string>): Json {
  if (typeof value === "string") return renameInText(value, ids);
  if (Array.isArray(value)) return value.map((item: Json) => renameInValue(item, ids));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value) as [string, Json][];
  return Object.fromEntries(entries.map(([key, item]) => [key, renameInValue(item, ids)]));
}

export function renamedNode(node: NodeEntry, ids: ReadonlyMap<string, string>): NodeEntry {
  const { config, parent, retry } = node;
  return frozen({
    ...node,
    id: ids.get(node.id) ?? node.id,
    ...(config ? { config: renameInValue(config, ids) } : {}),
    ...(retry ? { retry: renameInValue(retry, ids) } : {}),
    ...(parent ? { parent: ids.get(parent) ?? parent } : {}),
  }) as NodeEntry;
}

export function renamedEdge(edge: EdgeEntry, ids: ReadonlyMap<string, string>): EdgeEntry {
  const { node, port } = sourceOf(edge);
  return frozen(edgeBetween(ids.get(node) ?? node, port, ids.get(edge.to) ?? edge.to));
}

/** The operation as it is where nodes have other names. */
export function renamedOp(op: Op, ids: ReadonlyMap<string, string>): Op {
  switch (op.op) {
    case "add_node":
      return { ...op, node: renamedNode(op.node, ids) };
    case "add_edge":
    case "remove_edge":
      return { ...op, edge: renamedEdge(op.edge, ids) };
    case "set_flow":
      return op;
    case "rename_node":
      return { ...op, node: ids.get(op.node) ?? op.node, to: ids.get(op.to) ?? op.to };
    case "set":
      return { ...op, node: ids.get(op.node) ?? op.node, ...renamedSet(op.path, op.value, ids) };
    default:
      return { ...op, node: ids.get(op.node) ?? op.node };
  }
}

function renamedSet(
  path: readonly string[],
  value: Json | undefined,
  ids: ReadonlyMap<string, string>,
): { value?: Json } {
  if (value === undefined) return {};
  if (path[0] === "parent" && typeof value === "string") return { value: ids.get(value) ?? value };
  if (path[0] !== "config" && path[0] !== "retry") return { value };
  return { value: frozen(renameInValue(value, ids)) };
}

/** The `set`s that give the texts of a flow a node's new name, as the server will make them. */
export function referenceSets(nodes: Iterable<NodeEntry>, from: string, to: string): Op[] {
  const ids = new Map([[from, to]]);
  const ops: Op[] = [];
  for (const node of nodes) {
    for (const key of ["config", "retry"] as const) {
      const before = node[key];
      if (!before || !JSON.stringify(before).includes(from)) continue;
      for (const [name, value] of Object.entries(before)) {
        const after = renameInValue(value, ids);
        if (JSON.stringify(after) === JSON.stringify(value)) continue;
        const id = node.id === from ? to : node.id;
        ops.push({ op: "set", node: id, path: [key, name], value: after });
      }
    }
  }
  return ops;
}
