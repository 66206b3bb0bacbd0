// How changes are put together and cut, so that each request is within the server's limits.
import type { Op } from "./ops.ts";

/** Of one request, as the server has them; bytes with room for what is around the changes. */
export const MOST_CHANGES = 100;
export const MOST_OPS = 5_000;
export const MOST_RENAMES = 100;
export const MOST_BYTES = 4_500_000;

/** Bytes of a value as JSON in UTF-8, at most. */
export function size(value: unknown): number {
  const text = JSON.stringify(value) ?? "";
  // A character is one to three bytes (pairs: four for two); short texts need no exact count.
  return text.length * 3 < 60_000 ? text.length * 3 : new TextEncoder().encode(text).length;
}

/** The operations in parts that one request can carry each. */
export function parts(ops: readonly Op[]): Op[][] {
  if (ops.length <= MOST_OPS && renames(ops) <= MOST_RENAMES && size(ops) <= MOST_BYTES) {
    return [[...ops]];
  }
  const cut: Op[][] = [];
  let part: Op[] = [];
  let named = 0;
  let bytes = 0;
  for (const op of ops) {
    const more = size(op);
    const full = part.length >= MOST_OPS || named + renames([op]) > MOST_RENAMES;
    if (part.length > 0 && (full || bytes + more > MOST_BYTES)) {
      cut.push(part);
      part = [];
      named = bytes = 0;
    }
    part.push(op);
    named += renames([op]);
    bytes += more;
  }
  return [...cut, part];
}

function renames(ops: readonly Op[]): number {
  return ops.filter((op) => op.op === "rename_node").length;
}

/**
 * The first changes that one request can carry. A change that mentions a node which one before it
 * adds waits for the next: were the id taken, it would be about the node of somebody else.
 */
export function firstBatch<Change extends { readonly ops: readonly Op[] }>(
  changes: readonly Change[],
  most: number,
  mostBytes = MOST_BYTES,
): Change[] {
  const batch: Change[] = [];
  const added: string[] = [];
  let ops = 0;
  let named = 0;
  let bytes = 0;
  for (const change of changes.slice(0, Math.min(most, MOST_CHANGES))) {
    const text = added.length > 0 ? JSON.stringify(change.ops) : "";
    const more = size(change);
    ops += change.ops.length;
    named += renames(change.ops);
    bytes += more;
    const full = ops > MOST_OPS || named > MOST_RENAMES || bytes > mostBytes;
    // One that is too large alone is sent all the same: the server says so.
    if (mostBytes < MOST_BYTES && full) break;
    if (batch.length > 0 && (full || added.some((id) => text.includes(id)))) break;
    batch.push(change);
    for (const op of change.ops) if (op.op === "add_node") added.push(op.node.id);
    for (const op of change.ops) if (op.op === "rename_node") added.push(op.to);
  }
  return batch;
}

const SETTERS = new Set(["set", "place", "set_flow", "pin"]);

/** Both changes in one; of values that are set twice only the last is kept. */
export function combined(earlier: readonly Op[], later: readonly Op[]): Op[] {
  const all = [...earlier, ...later];
  if (!all.every((op) => SETTERS.has(op.op))) return all;
  const targets = new Set(later.map(target));
  return [...earlier.filter((op) => !targets.has(target(op))), ...later];
}

function target(op: Op): string {
  const path = op.op === "set" || op.op === "set_flow" ? op.path : [];
  return JSON.stringify([op.op, "node" in op ? op.node : null, path]);
}
