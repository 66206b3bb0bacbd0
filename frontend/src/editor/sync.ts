// Keeps the model and the server's draft the same: shows changes at once, sends them, takes theirs in.
import type { DraftAnswer } from "./answers.ts";
import { MOST_CHANGES } from "./batches.ts";
import { isTouched } from "./draft.ts";
import { Exchange } from "./exchange.ts";
import type { FlowModel, Outcome, Touched } from "./model.ts";
import type { Applied, Op, Person, Refused } from "./ops.ts";
import { PendingChanges } from "./pending.ts";
import type { Notice, Pending } from "./pending.ts";
import { isPlain, reread, reshow, settle } from "./settle.ts";
import type { News, Shown } from "./settle.ts";
import type { AsideChange, ChangeStore } from "./store.ts";
import { same, valueAt } from "./values.ts";
import type { Cancel, Transport, World } from "./world.ts";

/** Without a line the server is asked this often. */
const POLL = 5_000;
/** A hello may name a revision whose changes are still on their way. */
const PATIENCE = 1_000;
/** Tabs that died are looked for this often. */
const INHERIT = 60_000;
/** Tabs that are named as one's own of before. */
const MOST_TABS = 20;
/** Bytes that a browser sends while the page goes away. */
const LAST_BYTES = 60_000;

/** `kept`: changes that the server does not have; `message`: why it refuses, or what is at risk. */
export interface SyncState {
  readonly kind: "saved" | "saving" | "offline" | "refused";
  readonly kept: number;
  readonly message?: string;
}

export interface Commit {
  readonly label: string;
  readonly ops: readonly Op[];
  readonly outcome: Outcome;
  readonly group: string | undefined;
}

export interface SyncParts {
  readonly model: FlowModel;
  readonly revision: number;
  readonly store: ChangeStore;
  readonly transport: Transport;
  readonly world: World;
  /** The page shows what was: nothing is asked, sent or taken over. */
  readonly isStill?: boolean;
}

export class Sync {
  readonly model: FlowModel;
  readonly tab: string;
  base: number;
  onTouched: (touched: Touched) => void = () => undefined;
  onState: (state: SyncState) => void = () => undefined;
  onConflicts: (notices: Notice[]) => void = () => undefined;
  onPeople: (people: readonly Person[]) => void = () => undefined;
  /** A change of the person's own that is no undo or redo. */
  onCommit: (commit: Commit) => void = () => undefined;
  onForeign: (ops: readonly Op[]) => void = () => undefined;
  /** Nodes that have another name than was wished, or got one from others. */
  onRenamed: (ids: ReadonlyMap<string, string>) => void = () => undefined;
  private readonly pending: PendingChanges;
  private readonly parts: SyncParts;
  private readonly cancels = new Set<Cancel>();
  private readonly exchange: Exchange;
  private isLinked = false;
  private isClosed = false;
  private told: SyncState = { kind: "saved", kept: 0 };
  /** Names that nodes get while news are brought in, by those that the page shows. */
  private readonly names = new Map<string, string>();

  constructor(parts: SyncParts) {
    const { model, store, world } = parts;
    this.parts = parts;
    this.model = model;
    this.tab = store.tab;
    this.base = parts.revision;
    this.pending = new PendingChanges(model, store, () => world.uuid());
    this.pending.onRenamed = (ids) => this.renamed(ids);
    this.exchange = new Exchange(parts.transport, world, {
      batch: (most) => this.pending.batch(most),
      hasChanges: () => this.pending.list.length > 0,
      body: (changes) => this.body(changes),
      applied: (sent, applied, refused) => this.take({ applied, refused, sent, isAnswer: true }),
      impossible: (sent, message) => this.impossible(sent, message),
      draft: (draft) => this.takeDraft(draft),
      told: () => this.tell(),
    });
    if (parts.isStill) {
      this.close();
      return;
    }
    world.live(this.tab);
    this.cancels.add(world.onWake(() => this.retry()));
    this.every(POLL, () => this.poll());
    this.every(INHERIT, () => void this.inherit());
  }

  /**
   * Apply a change of the person's own at once, keep it and send it. Changes of one `group` and
   * label that were not sent yet become one. Raises OpFailed where it cannot be; null where it
   * would change nothing. `silent`: an undo or redo, which `onCommit` is not told of.
   */
  commit(
    label: string,
    ops: readonly Op[],
    options: { group?: string; silent?: boolean } = {},
  ): Outcome | null {
    if (ops.every((op) => this.isIdle(op))) return null;
    const outcome = this.pending.add(label, ops, this.base, options.group);
    this.onTouched(outcome.touched);
    if (!options.silent) this.onCommit({ label, ops, outcome, group: options.group });
    this.exchange.soon();
    this.tell();
    return outcome;
  }

  /** Changes that came over the line. */
  receive(applied: readonly Applied[]): void {
    this.take({ applied, refused: [], sent: [], isAnswer: false });
    this.tell();
  }

  /** The line is up, and the server's draft is at this revision. */
  hello(revision: number): void {
    this.linked(true);
    if (revision < this.base) this.exchange.wantsDraft = true;
    if (revision > this.base) {
      this.once(PATIENCE, () => revision > this.base && this.exchange.ask());
    }
    const { wantsDraft, isReachable, refusal } = this.exchange;
    if (wantsDraft || refusal || !isReachable) this.exchange.retry();
  }

  /** Whether changes of others come over a line; without one the server is asked now and then. */
  linked = (isUp: boolean): void => void (this.isLinked = isUp);

  /** Ask the server what is new, as soon as can be. */
  ask = (): void => this.exchange.ask();

  /** Try again at once: somebody came back, or was signed in again. */
  retry(): void {
    if (!this.isLinked || this.exchange.refusal) this.exchange.ask();
    this.exchange.retry();
    void this.inherit();
    this.tell();
  }

  /** The page goes away: send what fits, which stays kept until the server is known to have it. */
  leave(): void {
    if (this.exchange.refusal) return;
    const changes = this.pending.batch(MOST_CHANGES, LAST_BYTES);
    if (changes.length === 0) return;
    this.parts.transport.changes(this.body(changes), true).catch(() => undefined);
  }

  /** Take over what tabs left that died with changes the server does not have. */
  async inherit(): Promise<void> {
    const { store, world } = this.parts;
    for (const tab of store.others()) {
      await world.inheriting(tab, () => {
        if (this.isClosed) return;
        let left: Notice[] = [];
        const shown = reshow(this.model, this.pending, () => {
          left = this.pending.inherit(store.read(tab), tab);
          store.forget(tab);
        });
        this.settled({ ...shown, notices: [...left, ...shown.notices] });
        this.exchange.soon();
        this.tell();
      });
    }
  }

  get state(): SyncState {
    const kept = this.pending.list.length;
    const { refusal, isReachable } = this.exchange;
    if (refusal) return { kind: "refused", kept, message: refusal };
    const isOffline = !isReachable || !this.parts.world.online();
    const kind = isOffline ? "offline" : kept > 0 ? "saving" : "saved";
    if (this.pending.isKept || kept === 0) return { kind, kept };
    const message = "This browser has no room to keep changes: leave this tab open until it says saved.";
    return { kind, kept, message };
  }

  /** What could not be applied, oldest first. */
  get aside(): readonly AsideChange[] {
    return this.pending.aside;
  }

  /** Apply what was set aside, as far as it can be now; answers with what still cannot. */
  putBack(id: string): readonly Op[] {
    const change = this.aside.find((known) => known.id === id);
    if (!change) return [];
    const attempt = this.model.applyEach(change.ops);
    attempt.restore();
    if (attempt.done.length > 0) this.commit(change.label, attempt.done);
    const failed = change.ops.filter((op) => !attempt.done.includes(op));
    if (failed.length < change.ops.length) this.pending.replaceAside(id, failed);
    return failed;
  }

  dropAside(id: string): void {
    this.pending.dropAside(id);
  }

  close(): void {
    this.isClosed = true;
    this.exchange.close();
    for (const cancel of this.cancels) cancel();
  }

  private body(changes: readonly Pending[]): string {
    // The base of the oldest: what others changed since is what its author did not see.
    const base = Math.min(this.base, ...changes.map((change) => change.base));
    const sent = changes.map(({ id, label, ops }) => ({ id, label, ops }));
    const earlier = [...this.pending.tabs].slice(-MOST_TABS);
    const inherited = earlier.length > 0 ? { earlier_tabs: earlier } : {};
    return JSON.stringify({ tab: this.tab, base, changes: sent, ...inherited });
  }

  private take(news: News): void {
    const applied = news.applied.filter((change) => change.revision > this.base);
    const isGap = applied.some((change, index) => change.revision !== this.base + 1 + index);
    if (isGap) {
      // Over the line: ask for all of it. In an answer that cannot be: read the draft.
      if (news.isAnswer) this.exchange.wantsDraft = true;
      else this.exchange.ask();
      return;
    }
    const fresh = { ...news, applied };
    this.base += applied.length;
    if (isPlain(fresh, this.pending)) {
      for (const change of applied) this.confirmPlain(change);
      return;
    }
    const settled = settle(this.model, this.pending, fresh);
    this.exchange.wantsDraft ||= settled.isLost;
    this.settled(settled);
    this.exchange.soon();
  }

  private confirmPlain(change: Applied): void {
    const own = this.pending.find(change.id);
    if (!own) return;
    this.pending.drop(own);
    const notices = change.conflicts.map((conflict) => ({
      change: own.id,
      label: own.label,
      conflict,
      op: own.ops[conflict.op],
      aside: null,
    }));
    if (notices.length > 0) this.onConflicts(notices);
  }

  private impossible(sent: readonly Pending[], message: string): void {
    const conflicts = [{ op: 0, code: "invalid" as const, message }];
    const refused: Refused[] = sent.map(({ id }) => ({ id, conflicts }));
    this.take({ applied: [], refused, sent: [], isAnswer: true });
  }

  private takeDraft(draft: DraftAnswer): void {
    this.base = draft.revision;
    this.pending.rebase(draft.revision);
    this.settled(reread(this.model, this.pending, draft.document, draft.pins));
  }

  private settled(what: Shown): void {
    if (what.foreign.length > 0) this.onForeign(what.foreign);
    const renamed = new Map(this.names);
    this.names.clear();
    if (isTouched(what.touched)) this.onTouched({ ...what.touched, renamed });
    if (what.notices.length > 0) this.onConflicts(what.notices);
  }

  private renamed(ids: ReadonlyMap<string, string>): void {
    for (const [from, to] of this.names) this.names.set(from, ids.get(to) ?? to);
    const taken = new Set(this.names.values());
    for (const [from, to] of ids) {
      if (!this.names.has(from) && !taken.has(to)) this.names.set(from, to);
    }
    this.onRenamed(ids);
  }

  /** An operation that sets what is set already. */
  private isIdle(op: Op): boolean {
    if (op.op === "place") return same(this.model.places.get(op.node) ?? null, op.place);
    if (op.op !== "set") return false;
    const node = this.model.nodes.get(op.node);
    return node !== undefined && same(valueAt(node, op.path), op.value);
  }

  private poll(): void {
    const { world } = this.parts;
    if (this.isLinked || this.exchange.refusal || !world.online() || !world.visible()) return;
    this.exchange.ask();
  }

  private tell(): void {
    const { state } = this;
    if (same(state, this.told)) return;
    this.told = state;
    this.onState(state);
  }

  private once(milliseconds: number, run: () => void): void {
    const cancel = this.parts.world.later(() => {
      this.cancels.delete(cancel);
      run();
    }, milliseconds);
    this.cancels.add(cancel);
  }

  private every(milliseconds: number, run: () => void): void {
    this.once(milliseconds, () => {
      run();
      this.every(milliseconds, run);
    });
  }
}
