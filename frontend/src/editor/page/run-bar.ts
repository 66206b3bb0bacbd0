// A strip over the canvas that says how the run that is laid over it is doing.
import { make, need } from "./dom";
import type { OverlayStatus } from "./run-overlay";
import { titleMark } from "./title";
import { paintState } from "../../state";

const MARKS: Record<string, string> = {
  queued: "◌", running: "▸", waiting: "⧗", paused: "⏸",
  succeeded: "✓", failed: "✕", cancelled: "⊘", timed_out: "✕",
};

export interface RunBarHost {
  clear(): void;
  show(node: string): void;
}

export class RunBar {
  private readonly bar: HTMLElement;
  private said = "";

  constructor(root: HTMLElement, private readonly host: RunBarHost) {
    this.bar = need("[data-run-bar]", root);
    // A page of a run that was has the run always.
    this.bar.querySelector("[data-slot=run-clear]")?.addEventListener("click", () => host.clear());
  }

  show(status: OverlayStatus | null): void {
    this.bar.hidden = status === null;
    titleMark(status ? `${MARKS[status.status] ?? ""} ${status.word} ·` : "");
    if (!status) return;
    this.bar.dataset["state"] = status.status;
    const badge = this.bar.querySelector<HTMLElement>(".state");
    if (badge) paintState(badge, status.status);
    const link = need<HTMLAnchorElement>("[data-slot=run-link]", this.bar);
    link.href = `/runs/${status.run}/`;
    say(need("[data-slot=run-facts]", this.bar), status.isConnected ? status.facts : `${status.facts} · reconnecting …`);
    this.showApproval(status.approval);
    this.showFailure(status);
    if (status.isOver) this.announce(status);
  }

  private showApproval(url: string): void {
    const link = need<HTMLAnchorElement>("[data-slot=run-approval]", this.bar);
    link.hidden = !url;
    if (url && link.getAttribute("href") !== url) link.href = url;
  }

  private showFailure(status: OverlayStatus): void {
    const place = need("[data-slot=run-failure]", this.bar);
    const [node] = status.failed;
    const key = status.error ? `${status.error.message}|${node ?? ""}` : "";
    if (place.dataset["key"] === key) return;
    place.dataset["key"] = key;
    place.replaceChildren();
    if (!status.error) return;
    place.append(make("span", { class: "run-bar-message" }, status.error.message));
    const at = status.error.node ?? node;
    if (!at) return;
    const button = make("button", { type: "button", class: "btn", "data-size": "xs", "data-variant": "outline" }, "Show the node");
    button.addEventListener("click", () => this.host.show(at));
    place.append(button);
  }

  private announce(status: OverlayStatus): void {
    const failed = status.failed.length;
    const more = failed ? `, ${failed} ${failed === 1 ? "node" : "nodes"} failed` : "";
    const text = `Run ${status.word.toLowerCase()}${more}.`;
    if (this.said === `${status.run} ${text}`) return;
    this.said = `${status.run} ${text}`;
    need("[data-slot=announced]").textContent = text;
  }
}

function say(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
