// One node of a run: its entry in the list of steps and its card in the picture.
import { StreamText, append } from "./stream-text";
import {
  durationText,
  moneyText,
  type Delta,
  type NodeState,
  type RunError,
  type RunEvent,
  type Usage,
} from "./run-messages";
import { paintState } from "./state";
import { swapFrom } from "./swap";

/** Cards show the end of a text; more would only be laid out in vain. */
const CARD_TEXT = 600;
const WITHOUT_VALUES = new Set(["pending", "skipped", "unreached"]);
/** States on the way to an end; within an attempt none goes back. */
const RANKS: Record<string, number> = { pending: 0, running: 1, waiting: 1, retrying: 2 };
const END = 3;
/** Milliseconds in which what happens inside is drawn together. */
const INSIDE_PAUSE = 300;

export class StepView {
  readonly node: string;
  state: string;
  private element: HTMLElement;
  private readonly card: HTMLElement | null;
  private attempt: number;
  private startedAt: number | null;
  private text: StreamText;
  private reloads = 0;
  private soon: ReturnType<typeof setTimeout> | undefined;

  constructor(
    element: HTMLElement,
    private readonly root: HTMLElement,
  ) {
    this.element = element;
    this.node = element.dataset["step"] ?? "";
    this.state = element.dataset["state"] ?? "pending";
    this.attempt = Number(element.dataset["attempt"] ?? 1);
    const started = Date.parse(element.dataset["started"] ?? "");
    this.startedAt = Number.isNaN(started) ? null : started;
    this.card = root.querySelector(`[data-node="${CSS.escape(this.node)}"]`);
    this.text = this.shownText();
  }

  /** The text that the server drew, for pieces to be joined to. */
  private shownText(): StreamText {
    const shown = this.slot("text")?.dataset;
    const part = Number(shown?.["part"] ?? 0);
    return new StreamText(this.attempt, Number(shown?.["length"] ?? 0), part);
  }

  /** Take a state from a snapshot; an older one than what is shown changes nothing. */
  setState(node: NodeState): void {
    if (!this.advance(node.attempt, node.status)) return;
    if (node.started_at) this.startedAt = Date.parse(node.started_at);
    this.showFacts(node.duration_ms ?? undefined, node.usage);
    if (this.state === "retrying") this.say("attempts", `Attempt ${node.attempt} failed`);
    this.askPeople();
    this.settle(node.error ?? undefined);
  }

  /** Take an event; whether it changed anything. */
  happen(event: RunEvent): boolean {
    const attempt = event.attempt ?? this.attempt;
    if (event.type === "node.started") {
      if (!this.advance(attempt, waits(event) ? "waiting" : "running")) return false;
      this.startedAt = Date.parse(event.at);
      this.askPeople();
      this.findChild();
      return true;
    }
    if (event.type === "node.skipped") return this.advance(1, "skipped");
    if (event.type === "node.retrying") {
      this.advance(attempt, "retrying");
      // The snapshot may have told it already, but not how long the pause is.
      if (this.state !== "retrying" || attempt !== this.attempt) return false;
      const wait = event.next_attempt_in;
      const after = wait ? `, next in ${durationText(wait * 1000)}` : "";
      this.say("attempts", `Attempt ${attempt} failed${after}`);
      return true;
    }
    if (event.type !== "node.finished" || !this.advance(attempt, event.status ?? "succeeded")) {
      return false;
    }
    this.showFacts(event.duration_ms, event.usage);
    this.settle(event.error);
    return true;
  }

  /** One of the steps that it works in began or ended: draw questions to people, and open lists. */
  happenInside(event: RunEvent): void {
    const asks = event.waiting_for === "approval";
    const isOver = event.type === "node.finished";
    const open = this.element.querySelector<HTMLDetailsElement>("details[data-values]")?.open;
    if (!asks && !(isOver && (open || this.slot("approval") !== null))) return;
    clearTimeout(this.soon);
    this.soon = setTimeout(() => void this.reload(), INSIDE_PAUSE);
  }

  stream(delta: Delta): void {
    if (rank(this.state) === END) return;
    if (delta.attempt > this.attempt) this.advance(delta.attempt, "running");
    if (delta.attempt !== this.attempt) return;
    const part = delta.part ?? 0;
    if (part > this.text.part) this.clearText(part);
    if (part === this.text.part) this.text.add(delta);
  }

  streamEvent(event: RunEvent): void {
    this.stream({
      node: this.node,
      attempt: event.attempt ?? 1,
      part: event.part ?? 0,
      offset: event.offset ?? 0,
      text: event.text ?? "",
    });
  }

  /** Put what has streamed since the last frame on the page. */
  draw(): void {
    const fresh = this.text.takeFresh();
    if (!fresh) return;
    append(this.slot("text"), fresh);
    this.slot("stream")?.removeAttribute("hidden");
    const small = this.card?.querySelector<HTMLElement>('[data-slot="text"]') ?? null;
    append(small, fresh);
    const text = small?.firstChild;
    if (text instanceof Text && text.length > 2 * CARD_TEXT) {
      text.deleteData(0, text.length - CARD_TEXT);
    }
  }

  tick(now: number): void {
    if (this.state !== "running" || this.startedAt === null) return;
    this.say("duration", durationText(Math.max(0, now - this.startedAt)));
  }

  /** The run of a sub-flow is written right after its step has begun. */
  private findChild(): void {
    if (!("subflow" in this.element.dataset)) return;
    for (const wait of [300, 1500]) {
      setTimeout(() => {
        if (this.state === "running" && !this.slot("child")) {
          void this.reload();
        }
      }, wait);
    }
  }

  /** Nodes that a cancelled run never came to, or that were stopped with it. */
  runEnded(status: string): void {
    if (this.state === "pending") {
      this.paint("unreached");
      return;
    }
    if ("holds" in this.element.dataset) void this.reload();
    if (rank(this.state) < END) {
      this.paint(status === "succeeded" ? "skipped" : "cancelled");
      void this.reload();
    }
  }

  private advance(attempt: number, state: string): boolean {
    const older = attempt === this.attempt && rank(state) <= rank(this.state);
    if (attempt < this.attempt || older) return false;
    if (attempt > this.attempt) {
      this.say("attempts", `Attempt ${attempt}`);
      this.restart(attempt);
    }
    this.attempt = attempt;
    this.paint(state);
    return true;
  }

  private restart(attempt: number): void {
    this.attempt = attempt;
    this.clearText(0);
    this.slot("error")?.remove();
  }

  private clearText(part: number): void {
    this.text = new StreamText(this.attempt, 0, part);
    this.slot("text")?.replaceChildren();
    this.card?.querySelector('[data-slot="text"]')?.replaceChildren();
  }

  private paint(state: string): void {
    this.state = state;
    for (const part of [this.element, this.card]) {
      if (!part) continue;
      part.dataset["state"] = state;
      const badge = part.querySelector<HTMLElement>('[data-slot="state"]');
      if (badge) paintState(badge, state);
    }
    const values = this.element.querySelector<HTMLElement>("details[data-values]");
    if (!WITHOUT_VALUES.has(state)) values?.removeAttribute("hidden");
  }

  private showFacts(duration: number | undefined, usage: Usage | undefined): void {
    if (duration && this.state !== "running") {
      this.say("duration", durationText(duration));
      const small = this.card?.querySelector('[data-slot="facts"]');
      if (small) small.textContent = durationText(duration);
    }
    if (usage && (usage.input_tokens || usage.output_tokens)) {
      this.say("tokens", `${usage.input_tokens} → ${usage.output_tokens} tokens`);
      if (Number(usage.cost ?? 0)) this.say("cost", moneyText(Number(usage.cost)));
      if (usage.model) this.say("model", usage.model);
    }
  }

  /** A step that waits may wait for the reader: the server draws the way to the question. */
  private askPeople(): void {
    if (this.state === "waiting") void this.reload();
  }

  /** A node that is over: what streamed may lack its last words, and errors need their place. */
  private settle(error: RunError | undefined): void {
    if (rank(this.state) < END || this.state === "skipped") return;
    if (error) this.showError(error);
    const open = this.element.querySelector<HTMLDetailsElement>("details[data-values]")?.open;
    const asked = this.slot("approval") !== null;
    const { streams, subflow } = this.element.dataset;
    if (error || open || asked || (streams ?? subflow) !== undefined) void this.reload();
  }

  private showError(error: RunError): void {
    const template = document.getElementById("error-template");
    if (!(template instanceof HTMLTemplateElement) || this.slot("error")) return;
    const notice = template.content.cloneNode(true) as DocumentFragment;
    const message = notice.querySelector('[data-slot="error-message"]');
    const code = notice.querySelector('[data-slot="error-code"]');
    if (message) message.textContent = error.message;
    if (code) code.textContent = error.code;
    this.element.querySelector(".step-more")?.before(notice);
  }

  /** Have the server draw this step again, as it is recorded. */
  private async reload(): Promise<void> {
    const address = (this.root.dataset["stepUrl"] ?? "").replace("NODE", this.node);
    const { attempt } = this;
    const turn = ++this.reloads;
    let open = false;
    // What is asked for last is drawn last; an answer to an earlier question says less.
    const place = (): Element | null => {
      open = this.element.querySelector<HTMLDetailsElement>("details[data-values]")?.open ?? false;
      return turn === this.reloads ? this.element : null;
    };
    if (!(await swapFrom(address, place, "outerHTML"))) return;
    const drawn = document.getElementById(`step-${this.node}`);
    if (!drawn) return;
    this.element = drawn;
    // Pieces that wait to be drawn are in what the server drew: a page that nobody looks at has many.
    if (attempt === this.attempt) this.text = this.shownText();
    const text = this.slot("text")?.textContent ?? "";
    const small = this.card?.querySelector('[data-slot="text"]');
    if (small && text && attempt === this.attempt) small.textContent = text.slice(-CARD_TEXT);
    const values = drawn.querySelector<HTMLDetailsElement>("details[data-values]");
    if (open && values) values.open = true;
  }

  private slot(name: string): HTMLElement | null {
    return this.element.querySelector<HTMLElement>(`[data-slot="${name}"]`);
  }

  private say(slot: string, text: string): void {
    const element = this.slot(slot);
    if (element && element.textContent !== text) element.textContent = text;
  }
}

function waits(event: RunEvent): boolean {
  return event.waiting_for !== undefined || event.status === "waiting";
}

function rank(state: string): number {
  return RANKS[state] ?? END;
}
