// Runs of the draft from the editor: started, laid over the canvas, stopped; pins from runs.
import type { Canvas } from "../canvas/index";
import type { EdgeFlow } from "../canvas/types";
import type { FlowModel } from "../model";
import { sourceOf } from "../ops";
import type { Json } from "../ops";
import type { RunAnswer, RunState, Said } from "./actions";
import { isDisabled, portsOf } from "./graph-info";
import { PAST } from "./past";
import { csrfToken, postRun } from "./requests";
import { RunOverlay } from "./run-overlay";
import type { OverlayEdge, OverlayStatus } from "./run-overlay";

const NO_ANSWER = "The server does not answer. Try again in a moment.";
/** Bytes of an output that may be pinned. */
const MOST_PINNED = 200_000;

/** Where a tab remembers which run it shows. */
export interface KeptRun {
  read(): string;
  write(run: string): void;
}

/** The run that this tab shows of a flow, across reloads. */
export function keptRun(flow: string): KeptRun {
  const key = `flux:editor-run:${flow}`;
  return {
    read() {
      try {
        return sessionStorage.getItem(key) ?? "";
      } catch {
        return "";
      }
    },
    write(run) {
      try {
        if (run) sessionStorage.setItem(key, run);
        else sessionStorage.removeItem(key);
      } catch {
        // A reload then shows the run only while it goes on.
      }
    },
  };
}

export class RunControl {
  onState: (state: RunState) => void = () => undefined;
  onStatus: (status: OverlayStatus | null) => void = () => undefined;
  onSaid: (said: Said) => void = () => undefined;
  readonly overlay: RunOverlay;
  /** The run that is or was shown last. */
  latest = "";
  /** The run of a page that shows the flow as it was then. */
  past = "";
  private starting = false;

  constructor(
    root: HTMLElement,
    private readonly model: FlowModel,
    private readonly canvas: Canvas,
    private readonly kept: KeptRun,
  ) {
    this.overlay = new RunOverlay({
      nodes: () => this.nodes(),
      edges: () => this.edges(),
      card: (id) => canvas.element(id),
      far: () => canvas.isFar,
      setNodeState: (id, state) => canvas.setNodeState(id, state),
      setEdgeFlow: (id, flow) => canvas.setEdgeFlow(id, flow as EdgeFlow),
      showRuns: (shown) => root.toggleAttribute("data-runs", shown),
    });
    this.overlay.onStatus = (status) => this.hear(status);
    this.overlay.onGone = () => this.clear();
  }

  get state(): RunState {
    if (this.starting) return { kind: "starting" };
    const { run, isRunning } = this.overlay;
    return isRunning ? { kind: "running", id: run } : { kind: "idle", ...(run ? { id: run } : {}) };
  }

  show(run: string): void {
    if (this.past && run !== this.past) {
      // The page is of one run: another has a page of its own.
      location.assign(`?run=${run}`);
      return;
    }
    this.latest = run;
    if (!this.past) this.kept.write(run);
    this.overlay.follow(run);
  }

  /** Take the run off the canvas; a reload does not bring it back. */
  clear(): void {
    this.kept.write("");
    this.overlay.clear();
  }

  /** Run with the fields of the run's form; more fields say what part. */
  async start(fields: FormData): Promise<RunAnswer> {
    if (this.past && (fields.has("only") || fields.has("until"))) return { message: PAST };
    this.starting = true;
    this.onState(this.state);
    if (this.latest && !fields.has("run")) fields.set("run", this.latest);
    const answer = await postRun(fields);
    this.starting = false;
    if ("run" in answer) this.show(answer.run);
    this.onState(this.state);
    return answer;
  }

  async stop(): Promise<void> {
    const { run } = this.overlay;
    if (!run) return;
    const answered = await post(`/runs/${run}/cancel/`, new FormData());
    if (!answered) this.onSaid({ text: NO_ANSWER, tone: "warning" });
  }

  /** Run again from a node of a run, as the draft is now; what was before it is taken over. */
  async again(node: string, run: string): Promise<RunAnswer> {
    const fields = new FormData();
    fields.set("from", node);
    fields.set("run", run);
    if (this.past) fields.set("as_it_ran", "1");
    return this.start(fields);
  }

  /** What a node gave in the run that is shown; a sentence where there is nothing to be had. */
  async outputOf(node: string): Promise<{ value: Json } | { message: string }> {
    if (!this.latest) return { message: "Run the flow once: what the node gives can then be pinned." };
    try {
      const answer = await fetch(`/runs/${this.latest}/nodes/${node}/output.json`, { cache: "no-store" });
      if (answer.status === 404) return { message: "The node gave nothing in the last run." };
      if (!answer.ok || answer.redirected) return { message: NO_ANSWER };
      const text = await answer.text();
      if (text.length > MOST_PINNED) {
        return { message: `Outputs over ${MOST_PINNED / 1_000} KB cannot be pinned.` };
      }
      const value = JSON.parse(text) as Json;
      return value === null ? { message: "The node gave nothing in the last run." } : { value };
    } catch {
      return { message: NO_ANSWER };
    }
  }

  private hear(status: OverlayStatus | null): void {
    this.onStatus(status);
    this.onState(this.state);
  }

  private *nodes(): Iterable<{ id: string; inside: boolean }> {
    for (const node of this.model.nodes.values()) {
      if (node.type !== "note") yield { id: node.id, inside: node.parent !== undefined };
    }
  }

  private *edges(): Iterable<OverlayEdge> {
    for (const [id, edge] of this.model.edges) {
      const { node, port } = sourceOf(edge);
      const source = this.model.nodes.get(node);
      const ports = source ? portsOf(source, this.canvas.element(node)) : [];
      yield {
        id,
        source: node,
        target: edge.to,
        port,
        forks: ports.length > 1,
        afterFailure: port === "error" || (port === "out" && source?.on_error === "continue"),
        passes: isDisabled(node, this.model) && port === (ports[0]?.name ?? "out"),
      };
    }
  }
}

async function post(url: string, body: FormData): Promise<Response | null> {
  try {
    const answer = await fetch(url, { method: "POST", body, headers: { "X-CSRFToken": csrfToken() } });
    return answer.ok ? answer : null;
  } catch {
    return null;
  }
}
