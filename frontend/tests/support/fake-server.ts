// The server's side of the editor, by the same rules: order, conflicts, ids that come twice.
import { FlowModel } from "../../src/editor/model.ts";
import { referenceSets } from "../../src/editor/names.ts";
import { nodeOf, sourceOf } from "../../src/editor/ops.ts";
import type { Applied, Change, Conflict, FlowDocument, Op, Refused } from "../../src/editor/ops.ts";
import type { Answer } from "../../src/editor/world.ts";

interface Request {
  readonly tab: string;
  readonly base: number;
  readonly changes: readonly Change[];
  readonly earlier_tabs?: readonly string[];
}

export class FakeServer {
  readonly model: FlowModel;
  readonly log: Applied[] = [];
  revision = 1;
  /** The oldest revision that the log reaches back to. */
  oldest = 1;
  /** How many requests came, by what they were. */
  requests = 0;
  drafts = 0;
  /** Answers all requests with this, while it is set. */
  instead: Answer | null = null;
  readonly received: Request[] = [];
  private readonly refused = new Map<string, Refused>();
  private readonly known = new Set<string>();
  private readonly lastSet = new Map<string, { revision: number; tab: string; value: unknown }>();
  private readonly listeners = new Set<(change: Applied) => void>();

  constructor(document: FlowDocument) {
    this.model = new FlowModel(document);
  }

  onChange(listener: (change: Applied) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  draft(): Answer {
    this.drafts += 1;
    if (this.instead) return this.instead;
    const pins = Object.fromEntries(this.model.pins);
    return copied(200, { revision: this.revision, document: this.model.document(), pins });
  }

  changes(body: string): Answer {
    this.requests += 1;
    const request = JSON.parse(body) as Request;
    this.received.push(request);
    if (this.instead) return this.instead;
    if (request.base < this.oldest) return copied(409, { code: "too_old" });
    const refused: Refused[] = [];
    for (const change of request.changes) {
      const no = this.refused.get(change.id) ?? this.apply(change, request);
      if (no) refused.push(no);
    }
    const applied = this.log.filter(({ revision }) => revision > request.base);
    return copied(200, { revision: this.revision, applied, refused });
  }

  /** A change of another door: an import, or a person elsewhere. */
  foreign(ops: readonly Op[]): void {
    const change = { id: `foreign-${this.revision}`, label: "Elsewhere", ops };
    const refused = this.apply(change, { tab: "elsewhere", base: this.revision, changes: [] });
    if (refused) throw new Error(refused.conflicts[0]?.message);
  }

  /** Answer as if the log of before were gone. */
  forgetLog(): void {
    this.oldest = this.revision;
  }

  private apply(change: Change, { tab, base, earlier_tabs = [] }: Request): Refused | null {
    if (this.known.has(change.id)) return null;
    const conflicts: Conflict[] = [];
    const ops: Op[] = [];
    const restores: (() => void)[] = [];
    for (const [index, op] of change.ops.entries()) {
      const all = this.expanded(op);
      const attempt = this.model.applyEach(all);
      const [failure] = attempt.failed;
      if (failure?.error.code === "id_taken" && op.op === "add_node") {
        for (const restore of restores.reverse()) restore();
        const { code, message } = failure.error;
        const refusal = { id: change.id, conflicts: [{ op: index, code, message, node: op.node.id }] };
        this.refused.set(change.id, refusal);
        return refusal;
      }
      const isLoop = op.op === "add_edge" && !failure && this.isLooped(sourceOf(op.edge).node);
      if (failure || isLoop) {
        attempt.restore();
        const { code, message } = failure?.error ?? { code: "not_connectable", message: "A loop." };
        const node = nodeOf(op);
        conflicts.push({ op: index, code: code as Conflict["code"], message, ...(node ? { node } : {}) });
        continue;
      }
      restores.push(attempt.restore);
      ops.push(...all);
      const replaced = this.overwritten(op, index, [tab, ...earlier_tabs], base);
      if (replaced) conflicts.push(replaced);
    }
    this.commit(change, tab, ops, conflicts);
    return null;
  }

  private commit(change: Change, tab: string, ops: Op[], conflicts: Conflict[]): void {
    this.revision += 1;
    this.known.add(change.id);
    const { id, label } = change;
    const applied = { revision: this.revision, id, tab, by: tab, label, ops, conflicts };
    this.log.push(applied);
    for (const op of ops) {
      const target = targetOf(op);
      const value = "value" in op ? op.value : null;
      if (target) this.lastSet.set(target, { revision: this.revision, tab, value });
    }
    for (const listener of this.listeners) listener(JSON.parse(JSON.stringify(applied)));
  }

  private expanded(op: Op): Op[] {
    if (op.op !== "rename_node") return [op];
    return [op, ...referenceSets(this.model.nodes.values(), op.node, op.to)];
  }

  private overwritten(op: Op, index: number, own: readonly string[], base: number): Conflict | null {
    const last = this.lastSet.get(targetOf(op) ?? "");
    if (!last || own.includes(last.tab) || last.revision <= base) return null;
    const theirs = (last.value ?? null) as never;
    return { op: index, code: "overwritten", message: "Replaced.", theirs, by: last.tab };
  }

  private isLooped(start: string): boolean {
    const seen = new Set<string>();
    const todo = [start];
    for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
      for (const key of this.model.wiresOf(id)) {
        const edge = this.model.edges.get(key);
        if (!edge || sourceOf(edge).node !== id || seen.has(edge.to)) continue;
        seen.add(edge.to);
        todo.push(edge.to);
      }
    }
    return seen.has(start);
  }
}

function targetOf(op: Op): string | null {
  if (op.op === "set" || op.op === "set_flow") {
    return JSON.stringify([op.op === "set" ? op.node : null, op.path]);
  }
  return op.op === "place" ? JSON.stringify([op.node, "place"]) : null;
}

/** As it comes over the wire: nothing is shared with the server. */
function copied(status: number, body: unknown): Answer {
  return { status, body: JSON.parse(JSON.stringify(body)) as unknown };
}
