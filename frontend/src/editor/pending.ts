// The changes that the server does not have yet: shown at once, kept, and moved over those of others.
import { combined, firstBatch, MOST_BYTES, parts } from "./batches.ts";
import type { Attempt, FlowModel, Outcome } from "./model.ts";
import { together } from "./model.ts";
import { freeId, referenceSets, renamedOp } from "./names.ts";
import type { Conflict, Op } from "./ops.ts";
import type { AsideChange, ChangeStore, Kept, KeptChange } from "./store.ts";
import { frozen } from "./values.ts";

/** Something a person should read: what of which change could not be, or replaced what. */
export interface Notice {
  readonly change: string;
  readonly label: string;
  readonly conflict: Conflict;
  readonly op?: Op | undefined;
  /** The id of what was set aside, to put back or to drop; null where nothing was. */
  readonly aside: string | null;
}

export interface Pending extends KeptChange {
  ops: readonly Op[];
  base: number;
  sent: boolean;
  id: string;
  readonly number: number;
  readonly group: string | undefined;
  /** What the model shows of it; null while it is taken back. */
  shown: Pick<Outcome, "restore"> | null;
  shownOps: readonly Op[];
  tabs?: readonly string[] | undefined;
  /** Names that nodes got from others since it was sent. */
  readonly renamed: Map<string, string>;
}

export class PendingChanges {
  readonly list: Pending[] = [];
  readonly aside: (AsideChange & { readonly number: number })[] = [];
  /** The tabs whose changes were taken over: what the server has of them is no news. */
  readonly tabs = new Set<string>();
  /** False where the browser cannot keep changes: closing the page would lose them. */
  isKept = true;
  onRenamed: (ids: ReadonlyMap<string, string>) => void = () => undefined;
  private number = 0;
  private readonly model: FlowModel;
  private readonly store: ChangeStore;
  private readonly uuid: () => string;

  constructor(model: FlowModel, store: ChangeStore, uuid: () => string) {
    this.model = model;
    this.store = store;
    this.uuid = uuid;
  }

  /** Show and keep a change. Raises OpFailed where it cannot be, then nothing changed. */
  add(label: string, given: readonly Op[], base: number, group?: string): Outcome {
    const ops = frozen(given);
    const shownOps = this.asShown(ops);
    const outcome = this.model.apply(shownOps);
    const last = this.list.at(-1);
    if (last && group && last.group === group && last.label === label && !last.sent) {
      const before = last.shown;
      const restore = (): Outcome["touched"] => {
        const touched = outcome.restore();
        return before ? together(touched, before.restore()) : touched;
      };
      last.ops = combined(last.ops, ops);
      last.shownOps = last.ops;
      last.shown = { restore };
      this.keep(last);
      return outcome;
    }
    this.append(label, ops, shownOps, base, group, outcome);
    return outcome;
  }

  /** The changes of the next request; from now on they stay as they are. */
  batch(most: number, bytes = MOST_BYTES): Pending[] {
    const batch = firstBatch(this.list, most, bytes);
    for (const change of batch) {
      if (change.sent) continue;
      change.sent = true;
      this.keep(change);
    }
    return batch;
  }

  /** Take what is shown out of the model, the newest first. */
  takeBack(): void {
    for (const change of [...this.list].reverse()) {
      change.shown?.restore();
      change.shown = null;
    }
  }

  /** Show all again on what the model has become; answers with what could not be. */
  showAgain(): Notice[] {
    const notices: Notice[] = [];
    for (const change of [...this.list]) {
      change.shownOps = this.asShown(change.ops);
      let attempt = this.attempt(change);
      const [failure] = attempt.failed;
      // What was sent stays as it is until the server has said what became of it.
      if (!change.sent && failure) {
        if (failure.error.code === "id_taken" && this.renew(change)) attempt = this.attempt(change);
        if (attempt.failed.length > 0) notices.push(...this.setFailedAside(change, attempt));
      }
      change.shown = attempt;
    }
    return notices;
  }

  /** The server has it, or never will. */
  drop(change: Pending): void {
    this.list.splice(this.list.indexOf(change), 1);
    this.store.remove(change.number);
  }

  find(id: string): Pending | undefined {
    return this.list.find((change) => change.id === id);
  }

  /** Do operations of a change once more, under the names that nodes have now. */
  repeat(change: Pending, ops: readonly Op[], base: number): void {
    this.append(change.label, frozen(ops), [], base, undefined, null);
  }

  /** Keep operations for a person to put back, and say why. */
  setAside(change: Pending, ops: readonly Op[], conflicts: readonly Conflict[]): Notice[] {
    const number = (this.number += 1);
    const aside = { id: this.uuid(), label: change.label, ops, conflicts, number };
    this.aside.push(aside);
    if (!this.store.putAside(number, aside)) this.isKept = false;
    return noticesOf(aside, change.id);
  }

  dropAside(id: string): void {
    const index = this.aside.findIndex((change) => change.id === id);
    const [dropped] = index < 0 ? [] : this.aside.splice(index, 1);
    if (dropped) this.store.removeAside(dropped.number);
  }

  /** Of what was set aside only these operations are left. */
  replaceAside(id: string, ops: readonly Op[]): void {
    const index = this.aside.findIndex((change) => change.id === id);
    const known = this.aside[index];
    if (!known) return;
    if (ops.length === 0) return this.dropAside(id);
    const left = { ...known, ops };
    this.aside[index] = left;
    this.store.putAside(left.number, left);
  }

  /** Other ids for the nodes that a change adds where they are taken; false where none is. */
  renew(change: Pending): boolean {
    const reserved = this.addedIds();
    const has = (id: string): boolean => this.model.nodes.has(id) || reserved.has(id);
    const ids = new Map<string, string>();
    for (const op of change.ops) {
      const id = op.op === "add_node" ? op.node.id : op.op === "rename_node" ? op.to : "";
      if (!this.model.nodes.has(id)) continue;
      ids.set(id, freeId(id, { has }));
      reserved.add(ids.get(id) as string);
    }
    if (ids.size === 0) return false;
    change.id = this.uuid();
    change.sent = false;
    this.rename(ids, this.list.slice(this.list.indexOf(change)));
    this.onRenamed(ids);
    return true;
  }

  /** Nodes have other names: so have they in what is pending. */
  rename(ids: ReadonlyMap<string, string>, changes: readonly Pending[] = this.list): void {
    for (const change of changes) {
      if (change.sent) {
        for (const [from, to] of change.renamed) change.renamed.set(from, ids.get(to) ?? to);
        for (const [from, to] of ids) change.renamed.set(from, to);
        continue;
      }
      change.ops = change.ops.map((op) => renamedOp(op, ids));
      change.shownOps = change.ops;
      this.keep(change);
    }
    if (changes !== this.list) return;
    for (const [index, change] of this.aside.entries()) {
      const renamed = { ...change, ops: change.ops.map((op) => renamedOp(op, ids)) };
      this.aside[index] = renamed;
      this.store.putAside(change.number, renamed);
    }
  }

  /** Take over what a tab left, shown by the next `showAgain`; answers with what it had set aside. */
  inherit(kept: Kept, tab: string): Notice[] {
    const notices: Notice[] = [];
    for (const change of kept.changes) {
      if (this.find(change.id)) continue;
      const pending = this.append(change.label, frozen(change.ops), [], change.base, undefined, null);
      pending.id = change.id;
      pending.sent = change.sent;
      pending.tabs = [...(change.tabs ?? []), tab];
      for (const before of pending.tabs) this.tabs.add(before);
      this.keep(pending);
    }
    for (const change of kept.aside) {
      if (this.aside.some((known) => known.id === change.id)) continue;
      const aside = { ...change, number: (this.number += 1) };
      this.aside.push(aside);
      this.store.putAside(aside.number, aside);
      notices.push(...noticesOf(aside, aside.id));
    }
    return notices;
  }

  /** The draft was read anew: the server cannot say what changed before. */
  rebase(base: number): void {
    for (const change of this.list) change.base = base;
  }

  private append(
    label: string,
    ops: readonly Op[],
    shownOps: readonly Op[],
    base: number,
    group: string | undefined,
    outcome: Outcome | null,
  ): Pending {
    const cut = parts(ops);
    if (cut.length > 1) outcome?.restore();
    let added: Pending | undefined;
    for (const [index, part] of cut.entries()) {
      const isWhole = cut.length === 1;
      added = {
        id: this.uuid(),
        number: (this.number += 1),
        label: isWhole ? label : `${label} (part ${index + 1} of ${cut.length})`,
        ops: part,
        shownOps: isWhole ? shownOps : part,
        base,
        sent: false,
        renamed: new Map(),
        group: isWhole ? group : undefined,
        // Each part is taken back and confirmed by itself.
        shown: isWhole || !outcome ? outcome : this.model.apply(part),
      };
      this.list.push(added);
      this.keep(added);
    }
    return added as Pending;
  }

  private keep(change: Pending): void {
    this.isKept = this.store.put(change.number, change) && (this.isKept || this.list.length === 1);
  }

  /** A rename is shown as the server will make it: with the references to the node. */
  private asShown(ops: readonly Op[]): readonly Op[] {
    const [op] = ops;
    if (ops.length !== 1 || op?.op !== "rename_node") return ops;
    return [op, ...referenceSets(this.model.nodes.values(), op.node, op.to)];
  }

  private attempt(change: Pending): Attempt {
    const attempt = this.model.applyEach(change.shownOps);
    const [failure] = attempt.failed;
    if (!failure || change.ops.length > 1) return attempt;
    // References to a name that was not given must not be shown.
    attempt.restore();
    return { ...attempt, done: [], failed: [failure], restore: () => together() };
  }

  private setFailedAside(change: Pending, attempt: Attempt): Notice[] {
    const isTaken = attempt.failed.some(({ error }) => error.code === "id_taken");
    const failed = isTaken ? change.ops : attempt.failed.map(({ op }) => op);
    const conflicts = attempt.failed.map(({ op, error }) => ({
      op: error.index,
      code: error.code,
      message: error.message,
      ...("node" in op && typeof op.node === "string" ? { node: op.node } : {}),
      ...("path" in op ? { path: op.path } : {}),
    }));
    const notices = this.setAside(change, failed, conflicts);
    change.ops = isTaken ? [] : attempt.done;
    change.shownOps = change.ops;
    if (change.ops.length === 0) this.drop(change);
    else this.keep(change);
    return notices;
  }

  private addedIds(): Set<string> {
    const ids = new Set<string>();
    for (const { ops } of this.list) {
      for (const op of ops) if (op.op === "add_node") ids.add(op.node.id);
    }
    return ids;
  }
}

function noticesOf({ id, label, ops, conflicts }: AsideChange, change: string): Notice[] {
  return conflicts.map((conflict, index) => ({ change, label, conflict, op: ops[index], aside: id }));
}
