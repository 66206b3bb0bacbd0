// Undo and redo of the person's own changes; what others changed since is left as they have it.
import type { FlowModel, Outcome } from "./model.ts";
import { freeId, renamedOp } from "./names.ts";
import type { Op } from "./ops.ts";
import { combined } from "./batches.ts";

/** Changes of one group within this many milliseconds are one step. */
const ONE_STEP = 1_000;
/** Steps that are remembered. */
const MOST_STEPS = 1_000;

/** What applies the steps: `Sync.commit`. */
export interface Committer {
  readonly model: FlowModel;
  commit(label: string, ops: readonly Op[], options: { silent: true }): Outcome | null;
}

interface Step {
  label: string;
  inverse: readonly Op[];
  group: string | undefined;
  at: number;
  /** The number of what others did when this was done. */
  since: number;
}

export interface Skipped {
  readonly op: Op;
  readonly reason: string;
}

/** What an undo or redo did; `message` is for people, and says what was left as others have it. */
export interface Stepped {
  readonly label: string;
  readonly ops: readonly Op[];
  readonly skipped: readonly Skipped[];
  readonly message: string;
}

export class History {
  onChange: () => void = () => undefined;
  private readonly done: Step[] = [];
  private readonly undone: Step[] = [];
  private readonly committer: Committer;
  private readonly now: () => number;
  private theirs = 0;
  private readonly theirNodes = new Map<string, { path: readonly string[]; at: number }[]>();

  constructor(committer: Committer, now: () => number = Date.now) {
    this.committer = committer;
    this.now = now;
  }

  /** For buttons and menus: "Undo: delete 3 nodes"; null where there is nothing to undo or redo. */
  get labels(): { undo: string | null; redo: string | null } {
    const [undo, redo] = [this.done.at(-1), this.undone.at(-1)];
    return {
      undo: undo ? `Undo: ${lower(undo.label)}` : null,
      redo: redo ? `Redo: ${lower(redo.label)}` : null,
    };
  }

  /** A change was made: what was undone cannot be redone any more. */
  push(label: string, ops: readonly Op[], inverse: readonly Op[], group?: string): void {
    if (ops.length === 0) return;
    const at = this.now();
    this.undone.length = 0;
    const last = this.done.at(-1);
    if (last && group && last.group === group && at - last.at < ONE_STEP) {
      // The older inverse is applied last, so of a value set twice the first before counts.
      last.inverse = combined(inverse, last.inverse);
      last.at = at;
    } else {
      this.done.push({ label, inverse, group, at, since: this.theirs });
      if (this.done.length > MOST_STEPS) this.done.shift();
    }
    this.onChange();
  }

  undo(): Stepped | null {
    return this.step(this.done, this.undone, "Undo");
  }

  redo(): Stepped | null {
    return this.step(this.undone, this.done, "Redo");
  }

  /** Others did this: steps from before do not undo it. */
  foreign(ops: readonly Op[]): void {
    this.theirs += 1;
    for (const op of ops) {
      const target = targetOf(op);
      if (!target) continue;
      const known = this.theirNodes.get(target.node) ?? [];
      const same = known.find(({ path }) => path.join("\n") === target.path.join("\n"));
      if (same) same.at = this.theirs;
      else known.push({ path: target.path, at: this.theirs });
      this.theirNodes.set(target.node, known);
    }
  }

  /** Nodes have other names. */
  renamed(ids: ReadonlyMap<string, string>): void {
    for (const step of [...this.done, ...this.undone]) {
      step.inverse = step.inverse.map((op) => renamedOp(op, ids));
    }
    for (const [from, to] of ids) {
      const known = this.theirNodes.get(from);
      if (known) this.theirNodes.set(to, known);
    }
  }

  private step(from: Step[], to: Step[], word: string): Stepped | null {
    const step = from.pop();
    if (!step) return null;
    const skipped: Skipped[] = [];
    const wanted = this.freed(step.inverse).filter((op) => {
      const isTheirs = this.isTheirs(op, step.since);
      if (isTheirs) skipped.push({ op, reason: "Somebody else changed it since." });
      return !isTheirs;
    });
    const trial = this.committer.model.applyEach(wanted);
    trial.restore();
    for (const { op, error } of trial.failed) skipped.push({ op, reason: error.message });
    const label = `${word}: ${lower(step.label)}`;
    const outcome = this.committer.commit(label, trial.done, { silent: true });
    if (outcome) {
      const { inverse } = outcome;
      const since = this.theirs;
      to.push({ label: step.label, inverse, group: undefined, at: this.now(), since });
    }
    this.onChange();
    return { label, ops: trial.done, skipped, message: messageOf(label, trial.done, skipped) };
  }

  /** Names of nodes that come back, where others took them meanwhile. */
  private freed(ops: readonly Op[]): readonly Op[] {
    const { nodes } = this.committer.model;
    const leaving = new Set(ops.flatMap((op) => (op.op === "remove_node" ? [op.node] : [])));
    const ids = new Map<string, string>();
    const taken = new Set([...nodes.keys()].filter((id) => !leaving.has(id)));
    for (const op of ops) {
      if (op.op !== "add_node" || !taken.has(op.node.id)) continue;
      const id = freeId(op.node.id, taken);
      ids.set(op.node.id, id);
      taken.add(id);
    }
    if (ids.size === 0) return ops;
    this.renamed(ids);
    return ops.map((op) => renamedOp(op, ids));
  }

  private isTheirs(op: Op, since: number): boolean {
    const target = targetOf(op);
    if (!target) return false;
    const known = this.theirNodes.get(target.node) ?? [];
    return known.some(({ path, at }) => at > since && overlaps(path, target.path));
  }
}

/** What a setting operation sets; null for those whose success says enough. */
function targetOf(op: Op): { node: string; path: readonly string[] } | null {
  if (op.op === "set") return { node: op.node, path: op.path.length > 0 ? ["set", ...op.path] : [] };
  if (op.op === "set_flow") return { node: "", path: op.path };
  if (op.op === "place" || op.op === "pin") return { node: op.node, path: [op.op] };
  if (op.op === "rename_node") return { node: op.to, path: ["name"] };
  return null;
}

function overlaps(a: readonly string[], b: readonly string[]): boolean {
  const length = Math.min(a.length, b.length);
  return a.slice(0, length).every((key, index) => key === b[index]);
}

/** "Delete 3 nodes" within a sentence; what begins with capitals (HTTP) stays. */
function lower(label: string): string {
  return /^\p{Lu}(?!\p{Lu})/u.test(label) ? (label[0] ?? "").toLowerCase() + label.slice(1) : label;
}

function messageOf(label: string, ops: readonly Op[], skipped: readonly Skipped[]): string {
  const [first] = skipped;
  if (!first) return label;
  const count = skipped.length === 1 ? "One part" : `${skipped.length} parts`;
  const what = ops.length === 0 ? "Nothing" : `${count} of it`;
  const rest = ops.length === 0 ? "could be done" : "could not be done";
  return `${label}. ${what} ${rest}: ${first.reason}`;
}
