// Brings what the server says into the model, under the changes that it does not have yet.
import type { FlowModel, Touched } from "./model.ts";
import { nothingTouched } from "./draft.ts";
import { renamedOp } from "./names.ts";
import type { Applied, Conflict, FlowDocument, Json, Op, Refused } from "./ops.ts";
import type { Notice, Pending, PendingChanges } from "./pending.ts";
import { same } from "./values.ts";

/** What the server says at once; `sent` are the changes that it was asked to apply. */
export interface News {
  readonly applied: readonly Applied[];
  readonly refused: readonly Refused[];
  readonly sent: readonly Pending[];
  /** To a request; else it came over the line. */
  readonly isAnswer: boolean;
}

export interface Shown {
  readonly touched: Touched;
  readonly notices: Notice[];
  /** What others did, in order. */
  readonly foreign: Op[];
}

export interface Settled extends Shown {
  /** The model cannot follow: the draft has to be read anew. */
  readonly isLost: boolean;
}

/** Whether the news only say that our first changes were applied as they are shown. */
export function isPlain(news: News, pending: PendingChanges): boolean {
  const ids = new Set(news.applied.map(({ id }) => id));
  return (
    news.refused.length === 0 &&
    news.sent.every((change) => ids.has(change.id) || pending.find(change.id) !== change) &&
    news.applied.every((change, index) => {
      const own = pending.list[index];
      if (own?.id !== change.id || own.shown === null || own.renamed.size > 0) return false;
      return same(own.shownOps, change.ops);
    })
  );
}

/** Take ours back, apply what came, show ours again. */
export function settle(model: FlowModel, pending: PendingChanges, news: News): Settled {
  const before = snapshot(model);
  const notices: Notice[] = [];
  const foreign: Op[] = [];
  let isLost = false;
  pending.takeBack();
  for (const change of news.applied) {
    if (isLost) break;
    const own = pending.find(change.id);
    if (own) notices.push(...confirm(pending, own, change));
    else foreign.push(...change.ops);
    isLost = model.applyEach(change.ops).failed.length > 0;
    if (!own) followRenames(pending, change.ops);
  }
  if (!isLost) {
    for (const { id, conflicts } of news.refused) {
      const own = pending.find(id);
      if (own) notices.push(...refuse(pending, own, conflicts));
    }
    // Applied before what we know: the server knew them from an earlier request.
    const unnamed = news.sent.filter((change) => change.sent && pending.find(change.id) === change);
    for (const change of unnamed) pending.drop(change);
  }
  notices.push(...pending.showAgain());
  return { touched: difference(before, model), notices, foreign, isLost };
}

/** The draft as it was read anew, and ours on it. */
export function reread(
  model: FlowModel,
  pending: PendingChanges,
  document: FlowDocument,
  pins: Readonly<Record<string, Json>>,
): Shown {
  let foreign: Op[] = [];
  const shown = reshow(model, pending, () => {
    const known = snapshot(model);
    model.load(document, pins);
    foreign = asOps(difference(known, model));
  });
  return { ...shown, foreign };
}

/** Take ours back, change what is below, show ours again. */
export function reshow(model: FlowModel, pending: PendingChanges, change: () => void): Shown {
  const before = snapshot(model);
  pending.takeBack();
  change();
  const notices = pending.showAgain();
  return { touched: difference(before, model), notices, foreign: [] };
}

function confirm(pending: PendingChanges, own: Pending, applied: Applied): Notice[] {
  const { conflicts } = applied;
  const replaced = conflicts.filter(({ code }) => code === "overwritten");
  const notices: Notice[] = replaced.map((conflict) => ({
    change: own.id,
    label: own.label,
    conflict,
    op: own.ops[conflict.op],
    aside: null,
  }));
  const again = underNewNames(own, conflicts);
  const leftOut = conflicts.filter(({ op, code }) => code !== "overwritten" && !again.has(op));
  const ops = leftOut.flatMap(({ op }) => own.ops[op] ?? []);
  if (ops.length > 0) notices.push(...pending.setAside(own, ops, leftOut));
  if (again.size > 0) pending.repeat(own, [...again.values()], applied.revision);
  pending.drop(own);
  return notices;
}

/**
 * Operations, by their index, that have to be done again because others renamed a node before they
 * were applied: they found no node, or wrote its old name into a text.
 */
function underNewNames(own: Pending, conflicts: readonly Conflict[]): Map<number, Op> {
  const again = new Map<number, Op>();
  if (own.renamed.size === 0) return again;
  const codes = new Map(conflicts.map(({ op, code }) => [op, code]));
  for (const [index, op] of own.ops.entries()) {
    const code = codes.get(index) ?? "overwritten";
    if (code !== "node_gone" && (code !== "overwritten" || op.op !== "set")) continue;
    const renamed = renamedOp(op, own.renamed);
    if (!same(renamed, op)) again.set(index, renamed);
  }
  return again;
}

function refuse(pending: PendingChanges, own: Pending, conflicts: readonly Conflict[]): Notice[] {
  if (conflicts.some(({ code }) => code === "id_taken") && pending.renew(own)) return [];
  const notices = pending.setAside(own, own.ops, conflicts);
  pending.drop(own);
  return notices;
}

/** What others renamed we mean by its new name. */
function followRenames(pending: PendingChanges, ops: readonly Op[]): void {
  for (const op of ops) {
    if (op.op !== "rename_node") continue;
    const ids = new Map([[op.node, op.to]]);
    pending.rename(ids);
    pending.onRenamed(ids);
  }
}

interface Snapshot {
  readonly maps: readonly ReadonlyMap<string, unknown>[];
  readonly head: unknown;
}

function snapshot(model: FlowModel): Snapshot {
  return { maps: mapsOf(model).map((map) => new Map(map)), head: model.head };
}

function mapsOf(model: FlowModel): ReadonlyMap<string, unknown>[] {
  return [model.nodes, model.edges, model.places, model.pins];
}

/** What is another than it was. */
function difference(before: Snapshot, model: FlowModel): Touched {
  const touched = nothingTouched();
  const kinds = [touched.nodes, touched.edges, touched.places, touched.nodes];
  for (const [index, map] of mapsOf(model).entries()) {
    const was = before.maps[index];
    for (const [key, value] of map) if (!same(value, was?.get(key))) kinds[index]?.add(key);
    for (const key of was?.keys() ?? []) if (!map.has(key)) kinds[index]?.add(key);
  }
  touched.head = !same(before.head, model.head);
  const order = [...(before.maps[0]?.keys() ?? [])];
  touched.order = !same(order, [...model.nodes.keys()]);
  return touched;
}

/** Stand-ins for what others did, where only its result is known. */
function asOps(touched: Touched): Op[] {
  const ops: Op[] = [...touched.nodes].map((node) => ({ op: "set", node, path: [] }));
  for (const node of touched.places) ops.push({ op: "place", node, place: null });
  if (touched.head) ops.push({ op: "set_flow", path: [] });
  return ops;
}
