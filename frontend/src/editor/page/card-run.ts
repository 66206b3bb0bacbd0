// What a run has made of one card: its state, what it took, and the end of the text it streams.
import { durationText, moneyText } from "../../run-messages";
import type { Delta, NodeState, RunEvent, Usage } from "../../run-messages";
import { paintState } from "../../state";
import { StreamText, append } from "../../stream-text";
import { make } from "./dom";

/** Cards show the end of a text; more would only be laid out in vain. */
const CARD_TEXT = 600;
/** Characters of a text that are kept for the panel; the end of a longer one. */
const KEPT_TEXT = 200_000;
/** States on the way to an end; within an attempt none goes back. */
const RANKS: Record<string, number> = { pending: 0, running: 1, waiting: 1, retrying: 2 };
const END = 3;

export class CardRun {
  state = "pending";
  attempt = 1;
  usage: Usage | null = null;
  error: NodeState["error"] = null;
  /** What the steps that it works in have used since then, by step and attempt. */
  private readonly ofSteps = new Map<string, Usage>();
  private facts = "";
  private startedAt: number | null = null;
  private text = new StreamText(1, 0);
  /** What the card shows, for a card that the server draws anew. */
  private shown = "";
  private whole = "";
  private painted = "";
  /** The box of the card holds something else than `shown`. */
  private stale = false;
  /** `shown` is the server's preview: what was streamed before it is not known. */
  private previewed = false;
  /** The item or round whose text is shown, of a node inside a container. */
  private place = "";
  private waitsAt = "";
  /** Unknown until something was said: the card may show what an earlier run took. */
  private said: string | null = null;

  constructor(
    readonly node: string,
    private readonly card: () => HTMLElement | undefined,
  ) {}

  get isOver(): boolean {
    return rank(this.state) === END;
  }

  takeSnapshot(known: NodeState): void {
    if (!this.advance(known.attempt, known.status)) return;
    if (known.started_at) this.startedAt = Date.parse(known.started_at);
    this.error = known.error;
    // A snapshot counts them to the node.
    this.ofSteps.clear();
    this.takeFacts(known.duration_ms ?? undefined, known.usage);
    this.showPreview(known.preview);
  }

  /** The text of a node that is done and has streamed none: its answer came in one piece. */
  private showPreview(preview: string | null | undefined): void {
    if (this.settle()) this.stale = true;
    if (!this.isOver || !preview || this.shown) return;
    this.previewed = true;
    this.shown = preview.slice(-CARD_TEXT);
    this.stale = true;
  }

  /** All that it has streamed in this attempt. */
  get streamed(): string {
    if (this.settle()) this.stale = true;
    return this.whole;
  }

  /** All that it has used. */
  get used(): Usage[] {
    return [...(this.usage ? [this.usage] : []), ...this.ofSteps.values()];
  }

  /** Something happened to one of the steps that it works in. */
  takeStep(event: RunEvent): void {
    if (!event.usage) return;
    this.ofSteps.set(`${event.node}:${(event.path ?? []).join(".")}:${event.attempt ?? 1}`, event.usage);
  }

  /** The page on which people decide what this node waits for; empty: none. */
  setWait(url: string): void {
    this.waitsAt = url;
  }

  /** Take an event; whether it changed the state. */
  take(event: RunEvent): boolean {
    const attempt = event.attempt ?? this.attempt;
    if (event.type === "node.started") {
      const waits = event.waiting_for !== undefined || event.status === "waiting";
      if (!this.advance(attempt, waits ? "waiting" : "running")) return false;
      this.startedAt = Date.parse(event.at);
      return true;
    }
    if (event.type === "node.skipped") return this.advance(1, "skipped");
    if (event.type === "node.retrying") return this.advance(attempt, "retrying");
    if (event.type === "node.delta") {
      const { part = 0, offset = 0, text = "" } = event;
      this.stream({ node: this.node, attempt, part, offset, text });
      return false;
    }
    if (event.type !== "node.finished") return false;
    if (!this.advance(attempt, event.status ?? "succeeded")) return false;
    this.error = event.error ?? null;
    this.takeFacts(event.duration_ms, event.usage);
    this.showPreview(event.preview);
    return true;
  }

  /** Take a piece of text; the last ones may come with the word that the node is done, or after it. */
  stream(delta: Delta): void {
    if (this.previewed) return;
    if (delta.attempt > this.attempt) this.advance(delta.attempt, "running");
    if (delta.attempt !== this.attempt) return;
    const part = delta.part ?? 0;
    if (part > this.text.part) this.restartText(part);
    if (part === this.text.part) this.text.add(delta);
  }

  /** Take a piece of the text of one item or round: the card shows that which was followed last. */
  follow(delta: Delta): void {
    const place = JSON.stringify(delta.path);
    const part = delta.part ?? 0;
    const { text } = this;
    if (place !== this.place || text.attempt !== delta.attempt || text.part !== part) {
      this.place = place;
      // Begun before this page came: what follows is shown from here on.
      this.restartText(part, delta.attempt, delta.offset);
    }
    this.text.add(delta);
  }

  /** State and facts of a step inside a container, where one card stands for all items. */
  setInside(state: string, facts: string): void {
    this.state = state;
    this.facts = facts;
  }

  /** The run is over: what was not reached, or was stopped with it. */
  runEnded(status: string): void {
    if (this.state === "pending") this.state = "unreached";
    else if (!this.isOver) this.state = status === "succeeded" ? "skipped" : "cancelled";
  }

  /** Put what is new on the card; once a frame. Whether it has another state than before. */
  draw(now: number, far = false): boolean {
    const card = this.card();
    if (!card) return false;
    const painted = this.paint(card);
    // What nobody can read is put on it when they can.
    if (far) return painted;
    const facts = this.state === "running" && this.startedAt ? this.elapsed(now) : this.facts;
    if (this.drawWait(card)) this.said = null;
    else {
      if (facts !== this.said) say(card, "facts", facts);
      this.said = facts;
    }
    this.drawText(card);
    return painted;
  }

  private drawText(card: HTMLElement): void {
    const fresh = this.settle();
    if (!fresh && !this.stale) return;
    const box = card.querySelector<HTMLElement>('[data-slot="text"]');
    if (this.stale) {
      this.stale = false;
      if (box) box.textContent = this.shown;
    } else if (fresh) {
      append(box, fresh);
      const text = box?.firstChild;
      if (text instanceof Text && text.length > 2 * CARD_TEXT) {
        text.deleteData(0, text.length - CARD_TEXT);
      }
    }
  }

  /** Take over what has come of the text since; it is given back. */
  private settle(): string {
    const fresh = this.text.takeFresh();
    if (fresh) {
      this.shown = `${this.shown}${fresh}`.slice(-CARD_TEXT);
      this.whole = `${this.whole}${fresh}`.slice(-KEPT_TEXT);
    }
    return fresh;
  }

  /** A link to where people decide, in the place of the facts; whether there is one. */
  private drawWait(card: HTMLElement): boolean {
    const wanted = this.state === "waiting" ? this.waitsAt : "";
    const facts = card.querySelector('[data-slot="facts"]');
    const link = facts?.querySelector("a");
    if (!wanted) {
      link?.remove();
    } else if (facts && link?.getAttribute("href") !== wanted) {
      facts.replaceChildren(make("a", { class: "text-link", href: wanted }, "Decide"));
    }
    return wanted !== "";
  }

  /** The server has drawn the card anew: all of it has to be put on again. */
  redrawn(): void {
    this.painted = "";
    this.stale = true;
    this.said = null;
  }

  private elapsed(now: number): string {
    return durationText(Math.max(0, now - (this.startedAt ?? now)));
  }

  private paint(card: HTMLElement): boolean {
    if (this.painted === this.state) return false;
    this.painted = this.state;
    card.dataset["state"] = this.state;
    const badge = card.querySelector<HTMLElement>('[data-slot="state"]');
    if (badge) paintState(badge, this.state);
    return true;
  }

  private takeFacts(duration: number | undefined, usage: Usage | undefined): void {
    const facts = duration ? [durationText(duration)] : [];
    if (usage && (usage.input_tokens || usage.output_tokens)) this.usage = usage;
    const used = this.ofSteps.size ? this.used : usage ? [usage] : [];
    const tokens = used.reduce((sum, one) => sum + one.input_tokens + one.output_tokens, 0);
    const cost = used.reduce((sum, one) => sum + Number(one.cost ?? 0), 0);
    if (tokens) facts.push(`${tokens} tok`);
    if (tokens && cost) facts.push(moneyText(cost));
    this.facts = facts.join(" · ");
  }

  private advance(attempt: number, state: string): boolean {
    const older = attempt === this.attempt && rank(state) <= rank(this.state);
    if (attempt < this.attempt || (older && this.state !== "pending")) return false;
    if (attempt > this.attempt) {
      this.attempt = attempt;
      this.restartText(0);
    }
    this.state = state;
    return true;
  }

  private restartText(part: number, attempt = this.attempt, known = 0): void {
    this.text = new StreamText(attempt, known, part);
    this.previewed = false;
    this.shown = "";
    this.whole = "";
    this.card()?.querySelector('[data-slot="text"]')?.replaceChildren();
  }
}

function rank(state: string): number {
  return RANKS[state] ?? END;
}

function say(card: HTMLElement, slot: string, text: string): void {
  const element = card.querySelector(`[data-slot="${slot}"]`);
  if (element && element.textContent !== text) element.textContent = text;
}
