// Brings the server's drawing of a run up to date: states, durations, text, the end.
import { RunInside } from "./run-inside";
import { RunLive } from "./run-live";
import { StepView } from "./run-step";
import { drawEdges, setEdges } from "./run-edges";
import {
  ENDS,
  WORDS,
  durationText,
  holderOf,
  isStep,
  moneyText,
  type Frame,
  type RunEvent,
  type RunState,
  type Usage,
} from "./run-messages";
import { paintState } from "./state";
import { swapFrom } from "./swap";

const TITLE_MARKS: Record<string, string> = {
  queued: "◌",
  running: "▸",
  waiting: "⧗",
  paused: "⏸",
  succeeded: "✓",
  failed: "✕",
  cancelled: "⊘",
  timed_out: "✕",
};

/** States of steps that do not count as over. */
const UNDONE = new Set(["pending", "running", "waiting", "retrying", "unreached"]);

export class RunPage {
  onEnd: () => void = () => undefined;
  onStarted: (node: string) => void = () => undefined;
  private readonly steps = new Map<string, StepView>();
  readonly live: RunLive;
  private readonly inside: RunInside;
  private readonly usage = new Map<string, Usage>();
  private status: string;
  private startedAt: number | null;
  /** What to add to this machine's clock to get the server's. */
  private readonly skew: number;
  private dirty = false;

  constructor(private readonly root: HTMLElement) {
    this.status = root.dataset["state"] ?? "queued";
    this.skew = Date.parse(root.dataset["now"] ?? "") - Date.now();
    this.startedAt = time(root.dataset["started"]);
    for (const element of root.querySelectorAll<HTMLElement>("[data-step]:not([data-inside])")) {
      const view = new StepView(element, root);
      this.steps.set(view.node, view);
    }
    this.live = new RunLive(root);
    this.inside = new RunInside(root);
    this.inside.onChange = () => this.redraw();
    root.addEventListener("toggle", (event) => this.onToggle(event), true);
    this.nameTab();
    this.countSteps();
    if (!ENDS.has(this.status)) this.tick();
  }

  take(frame: Frame): void {
    if (frame.snapshot) {
      // What steps used that nodes work in, a snapshot counts to the nodes.
      for (const key of [...this.usage.keys()]) if (key.startsWith(".")) this.usage.delete(key);
      for (const node of frame.snapshot.nodes) {
        this.steps.get(node.node)?.setState(node);
        if (node.usage) this.usage.set(`${node.node}:${node.attempt}`, node.usage);
      }
      this.setRun(frame.snapshot.run);
      this.inside.hear();
    }
    for (const event of frame.events ?? []) this.happen(event);
    for (const delta of frame.deltas ?? []) {
      if (delta.path?.length) this.live.take(delta);
      else this.steps.get(delta.node)?.stream(delta);
    }
    this.redraw();
  }

  showConnection(up: boolean): void {
    const note = this.slot("connection");
    if (up) delete note?.dataset["look"];
    else if (note) note.dataset["look"] = "lost";
  }

  private happen(event: RunEvent): void {
    if (event.type.startsWith("node.") && this.status === "waiting" && isBegun(event)) {
      this.setStatus("running");
    }
    if (event.path?.length === 2 && isStep(event)) {
      this.steps.get(holderOf(event))?.happenInside(event);
      const place = `${event.node}:${event.path.join(".")}:${event.attempt ?? 1}`;
      if (event.usage) this.usage.set(place, event.usage);
    }
    if (event.path?.length) {
      if (event.type === "node.delta") this.live.takeEvent(event);
      else this.inside.hear();
      if (event.type === "node.finished") this.live.finished(event);
      return;
    }
    const step = event.node ? this.steps.get(event.node) : undefined;
    if (event.type === "node.delta") step?.streamEvent(event);
    else if (event.type.startsWith("node.") && step) {
      if (step.happen(event) && event.type === "node.started") this.onStarted(step.node);
      if (event.usage) this.usage.set(`${event.node}:${event.attempt ?? 1}`, event.usage);
    } else if (event.type === "run.started") {
      this.startedAt ??= Date.parse(event.at);
      this.slot("queue")?.replaceChildren();
      this.setStatus("running");
    } else if (event.type === "run.waiting") this.setStatus("waiting");
    else if (event.type === "run.paused") this.setStatus("paused");
    else if (event.type === "run.resumed") this.setStatus(event.status ?? "running");
    else if (event.type === "run.finished") this.finish(event);
  }

  private setRun(run: RunState): void {
    this.startedAt ??= time(run.started_at ?? undefined);
    if (ENDS.has(run.status)) {
      this.finish({
        seq: 0,
        at: "",
        type: "run.finished",
        status: run.status,
        usage: run.usage,
        ...(run.duration_ms === null ? {} : { duration_ms: run.duration_ms }),
      });
    } else this.setStatus(run.status);
  }

  private setStatus(status: string): void {
    if (ENDS.has(this.status) || this.status === status) return;
    this.status = status;
    this.root.dataset["state"] = status;
    const badge = this.slot("run-state")?.firstElementChild;
    if (badge instanceof HTMLElement) paintState(badge, status);
    this.offer(status);
    this.nameTab();
    const notice = (): Element | null => this.slot("queue");
    if (ENDS.has(status)) notice()?.remove();
    else void swapFrom(this.root.dataset["queueUrl"] ?? "", notice, "outerHTML");
  }

  /** What may be done with the run in this state. */
  private offer(status: string): void {
    const over = ENDS.has(status);
    this.slot("cancel")?.toggleAttribute("hidden", over);
    this.slot("pause")?.toggleAttribute("hidden", over || status === "paused");
    this.slot("resume")?.toggleAttribute("hidden", status !== "paused");
    this.slot("again-failed")?.toggleAttribute("hidden", !over || status === "succeeded");
    for (const again of this.root.querySelectorAll('[data-slot="again"]')) {
      again.toggleAttribute("hidden", !over);
    }
  }

  private finish(event: RunEvent): void {
    if (ENDS.has(this.status)) return;
    this.setStatus(event.status ?? "succeeded");
    if (event.duration_ms !== undefined) this.say("run-duration", durationText(event.duration_ms));
    if (event.usage) this.showUsage(event.usage);
    const failed = [...this.steps.values()].filter((step) => step.state === "failed").length;
    const more = failed ? `, ${failed} step${failed > 1 ? "s" : ""} failed` : "";
    this.say("announcement", `Run ${WORDS[this.status]?.toLowerCase()}${more}.`);
    for (const step of this.steps.values()) step.runEnded(this.status);
    this.inside.hear();
    this.onEnd();
    this.showConnection(true);
    void this.showResult();
  }

  private async showResult(): Promise<void> {
    const place = (): HTMLElement | null => document.getElementById("result");
    if (!(await swapFrom(this.root.dataset["resultUrl"] ?? "", place))) return;
    const wires = document.getElementById("wires");
    if (wires?.textContent) setEdges(this.root, JSON.parse(wires.textContent));
  }

  private redraw(): void {
    if (this.dirty) return;
    this.dirty = true;
    requestAnimationFrame(() => {
      this.dirty = false;
      for (const step of this.steps.values()) step.draw();
      this.live.draw(this.inside.states);
      if (!ENDS.has(this.status)) {
        const outer = [...this.steps].map(([node, step]): [string, string] => [node, step.state]);
        drawEdges(this.root, new Map([...outer, ...this.inside.states]));
        this.sumUsage();
      }
      this.countSteps();
    });
  }

  private sumUsage(): void {
    let { input_tokens: input, output_tokens: output } = this.inside.usage;
    let cost = Number(this.inside.usage.cost ?? 0);
    for (const usage of this.usage.values()) {
      input += usage.input_tokens;
      output += usage.output_tokens;
      cost += Number(usage.cost ?? 0);
    }
    this.showUsage({ input_tokens: input, output_tokens: output, cost: String(cost) });
  }

  private showUsage(usage: Usage): void {
    this.say("run-tokens", `${usage.input_tokens} → ${usage.output_tokens}`);
    this.say("run-cost", moneyText(Number(usage.cost ?? 0)));
  }

  private countSteps(): void {
    const outer = [...this.steps.values()].map((step) => step.state);
    const states = [...outer, ...this.inside.states.values()];
    const over = states.filter((state) => !UNDONE.has(state));
    this.say("progress", `${over.length} of ${states.length}`);
  }

  private tick(): void {
    if (ENDS.has(this.status)) return;
    const now = Date.now() + this.skew;
    if (this.startedAt !== null) {
      this.say("run-duration", durationText(Math.max(0, now - this.startedAt)));
    }
    for (const step of this.steps.values()) step.tick(now);
    setTimeout(() => this.tick(), 100);
  }

  private nameTab(): void {
    const mark = TITLE_MARKS[this.status] ?? "";
    const name = this.root.dataset["flowName"] ?? "Run";
    document.title = `${mark} ${WORDS[this.status] ?? this.status} · ${name} · FluxPrompt`;
  }

  private onToggle(event: Event): void {
    const details = event.target;
    if (!(details instanceof HTMLDetailsElement)) return;
    if (!details.open) return this.live.look();
    const body = details.querySelector<HTMLElement>("[data-values-body]");
    if (!body || !details.dataset["values"]) return;
    const wanted = (): Element | null => (details.open && body.isConnected ? body : null);
    void swapFrom(details.dataset["values"], wanted).then(() => this.live.look());
  }

  private slot(name: string): HTMLElement | null {
    return this.root.querySelector<HTMLElement>(`[data-slot="${name}"]`);
  }

  private say(slot: string, text: string): void {
    const element = this.slot(slot);
    if (element && element.textContent !== text) element.textContent = text;
  }
}

/** Whether a step began that does not only wait. */
function isBegun(event: RunEvent): boolean {
  return event.type === "node.started" && !event.waiting_for && event.status !== "waiting";
}

function time(text: string | undefined): number | null {
  const value = Date.parse(text ?? "");
  return Number.isNaN(value) ? null : value;
}
