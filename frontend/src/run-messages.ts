// What the server sends about a run.

export interface Usage {
  input_tokens: number;
  output_tokens: number;
  cost?: string;
  model?: string | null;
}

export interface RunError {
  code: string;
  message: string;
  node?: string;
  field?: string;
}

export interface RunState {
  status: string;
  error: RunError | null;
  started_at: string | null;
  duration_ms: number | null;
  usage: Usage;
}

export interface NodeState {
  node: string;
  attempt: number;
  status: string;
  error: RunError | null;
  started_at: string | null;
  duration_ms?: number | null;
  usage?: Usage;
  preview?: string;
}

export interface RunEvent {
  seq: number;
  at: string;
  type: string;
  node?: string;
  /** The iteration, where it happened inside a container. */
  path?: (string | number)[];
  attempt?: number;
  status?: string;
  duration_ms?: number;
  error?: RunError;
  usage?: Usage;
  preview?: string;
  next_attempt_in?: number;
  waiting_for?: string;
  offset?: number;
  part?: number;
  text?: string;
  latest?: boolean;
}

export interface Delta {
  node: string;
  path?: (string | number)[];
  attempt: number;
  /** Counts how often the text began anew within the attempt. */
  part?: number;
  offset: number;
  text: string;
  /** Of the item that its step is followed in. */
  latest?: boolean;
}

export interface Frame {
  snapshot?: { run: RunState; nodes: NodeState[]; seq: number };
  events?: RunEvent[];
  deltas?: Delta[];
  /** What people are told while the installation is maintained; null: that it is over. */
  maintenance?: string | null;
}

export const ENDS = new Set(["succeeded", "failed", "cancelled", "timed_out"]);

export const WORDS: Record<string, string> = {
  pending: "Pending",
  queued: "Queued",
  running: "Running",
  waiting: "Waiting",
  retrying: "Retrying",
  paused: "Paused",
  succeeded: "Succeeded",
  failed: "Failed",
  skipped: "Skipped",
  cancelled: "Cancelled",
  timed_out: "Timed out",
  unreached: "Not reached",
};

/** Milliseconds as the server's `duration` filter writes them. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} m ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m`;
}

/** Dollars as the server's `money` filter writes them. */
export function moneyText(amount: number): string {
  if (!amount) return "$0";
  if (amount < 0.0001) return "<$0.0001";
  return amount < 1 ? `$${amount.toFixed(4)}` : `$${amount.toFixed(2)}`;
}

/** Whether it happened to a step that a node works in by itself, as agents do. */
export function isStep(event: RunEvent): boolean {
  return event.node?.startsWith(".") ?? false;
}

/** The node whose step it is. */
export function holderOf(event: RunEvent): string {
  return String(event.path?.at(-2) ?? "");
}
