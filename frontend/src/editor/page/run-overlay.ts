// A run laid over the canvas: states on cards, wires and minimap, streamed text, tokens and cost.
import { ENDS, WORDS, durationText, holderOf, isStep, moneyText } from "../../run-messages";
import type { Frame, RunError, RunEvent, RunState, Usage } from "../../run-messages";
import { flowOf } from "../../run-edges";
import { RunSocket } from "../../run-socket";
import { CardRun } from "./card-run";

/** Milliseconds between two questions for what happens inside containers, at least. */
const ASK_EVERY = 500;
const LONGEST_PAUSE = 10_000;
/** Milliseconds between two looks at durations that run. */
const TICK = 100;

export interface OverlayEdge {
  id: string;
  source: string;
  target: string;
  port: string;
  forks: boolean;
  afterFailure: boolean;
  passes: boolean;
}

/** What the overlay draws on. */
export interface OverlayHost {
  nodes(): Iterable<{ id: string; inside: boolean }>;
  edges(): Iterable<OverlayEdge>;
  card(id: string): HTMLElement | undefined;
  setNodeState(id: string, state: string): void;
  setEdgeFlow(id: string, flow: string): void;
  /** Nothing on a card can be read. */
  far(): boolean;
  /** Cards show runs, or do not: they may change their size by it. */
  showRuns(shown: boolean): void;
}

export interface OverlayStatus {
  run: string;
  status: string;
  word: string;
  isOver: boolean;
  /** Duration, tokens and cost, as far as they are known. */
  facts: string;
  error: RunError | null;
  failed: string[];
  /** The page on which the next decision is asked for. */
  approval: string;
  isConnected: boolean;
}

interface Progress {
  steps: Record<string, { state: string; summary: string }>;
  usage: Usage;
  /** Pages of the approvals that wait, by node. */
  approvals: Record<string, string>;
}

export class RunOverlay {
  onStatus: (status: OverlayStatus | null) => void = () => undefined;
  /** A node has changed its state; for panels that show it. */
  onNode: (node: string, state: string) => void = () => undefined;
  /** Cards were drawn; once a frame at most. */
  onDrawn: () => void = () => undefined;
  /** There is no such run any more. */
  onGone: () => void = () => undefined;
  run = "";
  private status = "";
  private error: RunError | null = null;
  private startedAt: number | null = null;
  private total: Usage | null = null;
  private inside: Usage | null = null;
  private duration: number | null = null;
  private readonly cards = new Map<string, CardRun>();
  private socket: RunSocket | null = null;
  private connected = true;
  private dirty = false;
  private edgesDue = false;
  private timer = 0;
  private asking = false;
  private news = false;
  private approval = "";

  constructor(private readonly host: OverlayHost) {}

  get isRunning(): boolean {
    return this.run !== "" && !ENDS.has(this.status);
  }

  /** Lay a run over the canvas, from where it is now. */
  follow(run: string): void {
    this.clear();
    this.run = run;
    this.status = "queued";
    this.host.showRuns(true);
    for (const { id } of this.host.nodes()) this.cards.set(id, new CardRun(id, () => this.host.card(id)));
    const socket = new RunSocket(run, 0);
    this.socket = socket;
    socket.onFrame = (frame) => this.take(frame);
    socket.onLink = (up) => {
      this.connected = up;
      this.say();
    };
    socket.onGone = () => {
      this.clear();
      this.onGone();
    };
    socket.open();
    this.tick();
    this.say();
  }

  /** Take the run off the canvas. */
  clear(): void {
    this.socket?.close();
    clearTimeout(this.timer);
    for (const [id] of this.cards) this.wipe(id);
    for (const edge of this.host.edges()) this.host.setEdgeFlow(edge.id, "");
    if (this.run) this.host.showRuns(false);
    this.cards.clear();
    Object.assign(this, { run: "", status: "", error: null, startedAt: null, socket: null });
    Object.assign(this, { total: null, inside: null, duration: null, connected: true, approval: "" });
    this.onStatus(null);
  }

  state(node: string): string {
    return this.cards.get(node)?.state ?? "";
  }

  /** What a node has streamed so far in the run that is shown. */
  streamed(node: string): string {
    return this.cards.get(node)?.streamed ?? "";
  }

  failure(node: string): RunError | null {
    return this.cards.get(node)?.error ?? null;
  }

  /** A card was drawn anew. One that is newer than the run has no part in it. */
  redrawn(node: string): void {
    const card = this.cards.get(node);
    if (!card) return;
    card.redrawn();
    this.redraw();
  }

  take(frame: Frame): void {
    if (frame.snapshot) {
      for (const node of frame.snapshot.nodes) {
        const card = this.cards.get(node.node);
        card?.takeSnapshot(node);
        if (card) this.onNode(node.node, card.state);
      }
      this.takeRun(frame.snapshot.run);
      this.hear();
    }
    for (const event of frame.events ?? []) this.happen(event);
    for (const delta of frame.deltas ?? []) {
      const card = this.cards.get(delta.node);
      if (!delta.path?.length) card?.stream(delta);
      else if (delta.latest) card?.follow(delta);
    }
    this.redraw();
  }

  private happen(event: RunEvent): void {
    if (event.path?.length) {
      this.hear(isStep(event) && (event.waiting_for === "approval" || this.approval !== ""));
      if (event.path.length === 2 && isStep(event)) this.cards.get(holderOf(event))?.takeStep(event);
      const begins = isStep(event) && event.type === "node.started" && !event.waiting_for;
      if (begins && this.status === "waiting") this.setStatus("running");
    } else if (event.node) {
      const card = this.cards.get(event.node);
      if (card?.take(event)) {
        this.onNode(event.node, card.state);
        if (card.state === "waiting" || this.approval) this.hear(true);
      }
      if (this.status === "waiting" && card?.state === "running") this.setStatus("running");
    } else if (event.type === "run.started") {
      this.startedAt ??= Date.parse(event.at);
      this.setStatus("running");
    } else if (event.type === "run.waiting") {
      this.setStatus("waiting");
      this.hear(true);
    } else if (event.type === "run.paused") this.setStatus("paused");
    else if (event.type === "run.resumed") this.setStatus(event.status ?? "running");
    else if (event.type === "run.finished") {
      this.end(event.status ?? "succeeded", event.error ?? null, event.usage, event.duration_ms);
    }
  }

  private takeRun(run: RunState): void {
    if (run.started_at) this.startedAt ??= Date.parse(run.started_at);
    if (ENDS.has(run.status)) {
      this.end(run.status, run.error, run.usage, run.duration_ms ?? undefined);
    } else this.setStatus(run.status);
  }

  private setStatus(status: string): void {
    if (ENDS.has(this.status) || this.status === status) return;
    this.status = status;
    this.say();
  }

  private end(
    status: string,
    error: RunError | null,
    usage: Usage | undefined,
    duration: number | undefined,
  ): void {
    if (ENDS.has(this.status)) return;
    this.total = usage ?? null;
    this.duration = duration ?? null;
    this.error = error;
    for (const card of this.cards.values()) card.runEnded(status);
    this.status = status;
    this.hear();
    this.socket?.close();
    this.connected = true;
    this.redraw();
    this.say();
  }

  /** The view is another: what was left out far away may be read now. */
  seen(): void {
    if (this.run) this.redraw();
  }

  private redraw(): void {
    if (this.dirty) return;
    this.dirty = true;
    requestAnimationFrame(() => {
      this.dirty = false;
      const now = Date.now();
      const far = this.host.far();
      for (const [id, card] of this.cards) {
        if (!card.draw(now, far)) continue;
        this.host.setNodeState(id, card.state);
        this.edgesDue = true;
      }
      if (this.edgesDue) this.drawEdges();
      this.onDrawn();
    });
  }

  private drawEdges(): void {
    this.edgesDue = false;
    for (const edge of this.host.edges()) {
      const [source, target] = [this.cards.get(edge.source), this.cards.get(edge.target)];
      this.host.setEdgeFlow(edge.id, source && target ? flowOf(source.state, target.state, edge) : "");
    }
  }

  private tick(): void {
    if (!this.isRunning) return;
    // Wires may have been drawn meanwhile.
    this.edgesDue = true;
    this.redraw();
    this.say();
    this.timer = window.setTimeout(() => this.tick(), TICK);
  }

  /** Something happened inside a container, or waits for people: the server is asked about it. */
  private hear(isWait = false): void {
    const waits = isWait || [...this.cards.values()].some((card) => card.state === "waiting");
    this.news = true;
    const hasInside = [...this.host.nodes()].some((node) => node.inside);
    if (!this.asking && (hasInside || waits)) void this.ask(this.run);
  }

  private async ask(run: string): Promise<void> {
    this.asking = true;
    while (this.news && this.run === run) {
      this.news = false;
      const began = performance.now();
      const progress = await progressOf(run);
      if (this.run !== run) break;
      if (progress) this.takeProgress(progress);
      else this.news = true;
      const pause = Math.max(ASK_EVERY, 2 * (performance.now() - began));
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, LONGEST_PAUSE)));
    }
    this.asking = false;
    // Another run is followed meanwhile, and has news.
    if (this.news && this.run) void this.ask(this.run);
  }

  private takeProgress(progress: Progress): void {
    this.inside = progress.usage;
    for (const [node, step] of Object.entries(progress.steps)) {
      this.cards.get(node)?.setInside(step.state, step.summary.split(",")[0] ?? "");
    }
    for (const [node, card] of this.cards) card.setWait(progress.approvals[node] ?? "");
    [this.approval = ""] = Object.values(progress.approvals);
    this.redraw();
    this.say();
  }

  private wipe(id: string): void {
    const card = this.host.card(id);
    delete card?.dataset["state"];
    for (const slot of ["text", "facts"]) card?.querySelector(`[data-slot="${slot}"]`)?.replaceChildren();
    this.host.setNodeState(id, "");
  }

  private say(): void {
    if (!this.run) return;
    const failed = [...this.cards.values()].filter((card) => card.state === "failed");
    this.onStatus({
      run: this.run,
      status: this.status,
      word: WORDS[this.status] ?? this.status,
      isOver: ENDS.has(this.status),
      facts: this.facts(),
      error: this.error,
      failed: failed.map((card) => card.node),
      approval: ENDS.has(this.status) ? "" : this.approval,
      isConnected: this.connected,
    });
  }

  private facts(): string {
    const parts: string[] = [];
    if (this.duration !== null) parts.push(durationText(this.duration));
    else if (this.startedAt) parts.push(durationText(Math.max(0, Date.now() - this.startedAt)));
    const { tokens, cost } = this.used();
    if (tokens) parts.push(`${tokens.toLocaleString("en")} tokens`);
    if (cost) parts.push(moneyText(cost));
    return parts.join(" · ");
  }

  private used(): { tokens: number; cost: number } {
    const known = [...this.cards.values()].flatMap((card) => card.used);
    const all = this.total ? [this.total] : [this.inside, ...known];
    let tokens = 0;
    let cost = 0;
    for (const usage of all) {
      tokens += (usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0);
      cost += Number(usage?.cost ?? 0);
    }
    return { tokens, cost };
  }
}

async function progressOf(run: string): Promise<Progress | null> {
  try {
    const answer = await fetch(`/runs/${run}/progress/`, { cache: "no-store" });
    return answer.ok && !answer.redirected ? ((await answer.json()) as Progress) : null;
  } catch {
    return null;
  }
}
