// Asks the server, one request at a time: when, how often after a failure, and when not any more.
import { draftIn, meaningOf } from "./answers.ts";
import type { DraftAnswer } from "./answers.ts";
import { MOST_CHANGES } from "./batches.ts";
import type { Applied, Refused } from "./ops.ts";
import type { Pending } from "./pending.ts";
import type { Answer, Cancel, Transport, World } from "./world.ts";

/** Milliseconds of quiet before changes are sent, and the longest time they wait. */
const QUIET = 150;
const LONGEST_QUIET = 2_000;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

/** What is asked, and what is done with the answers. */
export interface Conversation {
  /** The changes of the next request; they are marked as sent. */
  batch(most: number): Pending[];
  hasChanges(): boolean;
  body(changes: readonly Pending[]): string;
  applied(sent: Pending[], applied: Applied[], refused: Refused[]): void;
  /** The server will never take these. */
  impossible(sent: Pending[], message: string): void;
  draft(draft: DraftAnswer): void;
  /** Whether the server can be reached, or is asked, has changed. */
  told(): void;
}

export class Exchange {
  /** Why the server refuses to talk to this person about this flow. */
  refusal = "";
  /** The model cannot follow: the draft has to be read anew. */
  wantsDraft = false;
  isReachable = true;
  private wantsNews = false;
  private isAsking = false;
  private isClosed = false;
  private timer: Cancel | null = null;
  private waitingSince = 0;
  private wait = FIRST_WAIT;
  private most = MOST_CHANGES;
  private readonly transport: Transport;
  private readonly world: World;
  private readonly talk: Conversation;

  constructor(transport: Transport, world: World, talk: Conversation) {
    this.transport = transport;
    this.world = world;
    this.talk = talk;
  }

  /** There is something to send: soon, when the person pauses. */
  soon(): void {
    if (!this.hasWork) return;
    this.waitingSince ||= this.world.now();
    const waited = this.world.now() - this.waitingSince;
    this.plan(Math.max(0, Math.min(QUIET, LONGEST_QUIET - waited)));
  }

  /** Ask for what is new, too. */
  ask(): void {
    this.wantsNews = true;
    if (this.isReachable) this.plan(0);
  }

  /** Try again at once, whatever was before. */
  retry(): void {
    this.refusal = "";
    this.wait = FIRST_WAIT;
    this.timer?.();
    this.timer = null;
    this.plan(0);
  }

  close(): void {
    this.isClosed = true;
    this.timer?.();
  }

  private get hasWork(): boolean {
    return this.talk.hasChanges() || this.wantsNews || this.wantsDraft;
  }

  private plan(milliseconds: number): void {
    if (this.isAsking || this.isClosed || this.refusal || !this.hasWork) return;
    // A keystroke must not shorten the pause after a failure.
    if (!this.isReachable && this.timer) return;
    this.timer?.();
    this.timer = this.world.later(() => {
      this.timer = null;
      void this.exchange();
    }, milliseconds);
  }

  private async exchange(): Promise<void> {
    if (!this.world.online()) return this.failed(0);
    this.isAsking = true;
    this.talk.told();
    let wait: number | null = 0;
    try {
      wait = await (this.wantsDraft ? this.readDraft() : this.send());
    } catch {
      // No answer came: the changes may have arrived or not, and are sent again with their ids.
    }
    this.isAsking = false;
    if (this.isClosed) return;
    if (wait !== null) return this.failed(wait);
    this.plan(0);
    this.talk.told();
  }

  /** Null where the server answered, else milliseconds that it asks to wait. */
  private async send(): Promise<number | null> {
    const sent = this.talk.batch(this.most);
    this.wantsNews = false;
    this.waitingSince = 0;
    let wait: number | null = 0;
    try {
      const answer = await this.transport.changes(this.talk.body(sent), false);
      if (!this.isClosed) wait = this.answered(sent, answer);
    } finally {
      if (wait !== null) this.wantsNews = true;
    }
    return wait;
  }

  private answered(sent: Pending[], answer: Answer): number | null {
    const meaning = meaningOf(answer);
    if (meaning.kind === "later") return meaning.wait;
    this.reached();
    if (meaning.kind === "applied") {
      this.most = MOST_CHANGES;
      this.talk.applied(sent, meaning.applied, meaning.refused);
    } else if (meaning.kind === "too_old") this.wantsDraft = true;
    else if (meaning.kind === "stop") this.refusal = meaning.message;
    else if (sent.length > 1) {
      this.most = meaning.kind === "misshapen" ? 1 : Math.ceil(sent.length / 2);
    } else if (sent.length === 0) this.wantsDraft = true;
    else this.talk.impossible(sent, meaning.message);
    return null;
  }

  private async readDraft(): Promise<number | null> {
    const answer = await this.transport.draft();
    if (this.isClosed) return 0;
    const draft = draftIn(answer);
    if (draft) {
      this.reached();
      this.wantsDraft = false;
      this.talk.draft(draft);
      return null;
    }
    const meaning = meaningOf(answer);
    if (meaning.kind === "later") return meaning.wait;
    if (meaning.kind !== "stop") return 0;
    this.refusal = meaning.message;
    return null;
  }

  private reached(): void {
    this.isReachable = true;
    this.wait = FIRST_WAIT;
  }

  private failed(atLeast: number): void {
    this.isReachable = false;
    // Also where nothing is left to be sent: only an answer tells that the server is back.
    this.wantsNews = true;
    const wait = this.wait * (0.75 + this.world.random() / 2);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    this.plan(Math.max(wait, atLeast));
    this.talk.told();
  }
}
