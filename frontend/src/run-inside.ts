// Steps inside containers: one entry stands for all items or rounds. How many are where is asked
// of the server while things happen there, so that a page counts right however late it came.
import type { Usage } from "./run-messages";
import { paintState } from "./state";
import { swapFrom } from "./swap";

/** Milliseconds between two questions, at least; more where the answer itself takes long. */
const LEAST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;

interface Progress {
  steps: Record<string, { state: string; summary: string }>;
  usage: Usage;
}

export class RunInside {
  onChange: () => void = () => undefined;
  usage: Usage = { input_tokens: 0, output_tokens: 0, cost: "0" };
  readonly states = new Map<string, string>();
  private asking = false;
  private news = false;

  constructor(private readonly root: HTMLElement) {
    for (const step of root.querySelectorAll<HTMLElement>("[data-step][data-inside]")) {
      this.states.set(step.dataset["step"] ?? "", step.dataset["state"] ?? "pending");
    }
  }

  /** Something happened inside: ask now, or after the question that is on its way. */
  hear(): void {
    this.news = true;
    if (!this.asking && this.states.size) void this.ask();
  }

  private async ask(): Promise<void> {
    this.asking = true;
    while (this.news) {
      this.news = false;
      const began = performance.now();
      const progress = await this.progress();
      const took = performance.now() - began;
      if (progress) this.show(progress);
      else this.news = true;
      await pause(Math.min(Math.max(LEAST_PAUSE, 2 * took), LONGEST_PAUSE));
    }
    this.asking = false;
  }

  private async progress(): Promise<Progress | null> {
    try {
      const answer = await fetch(this.root.dataset["progressUrl"] ?? "", { cache: "no-store" });
      return answer.ok && !answer.redirected ? ((await answer.json()) as Progress) : null;
    } catch {
      return null;
    }
  }

  private show(progress: Progress): void {
    this.usage = progress.usage;
    for (const [node, step] of Object.entries(progress.steps)) {
      this.states.set(node, step.state);
      const entry = document.getElementById(`step-${node}`);
      const card = this.root.querySelector<HTMLElement>(`[data-node="${CSS.escape(node)}"]`);
      for (const part of [entry, card]) {
        if (!part) continue;
        part.dataset["state"] = step.state;
        const badge = part.querySelector<HTMLElement>('[data-slot="state"]');
        if (badge) paintState(badge, step.state);
      }
      say(entry?.querySelector('[data-slot="summary"]'), step.summary);
      say(card?.querySelector('[data-slot="facts"]'), step.summary.split(",")[0] ?? "");
      const reached = !["pending", "skipped", "unreached"].includes(step.state);
      if (reached) entry?.querySelector(":scope > .step-more > details[data-values]")?.removeAttribute("hidden");
    }
    this.refreshLists();
    this.onChange();
  }

  /** Lists that are open show the newest, unless somebody is reading or picking in them. */
  private refreshLists(): void {
    for (const list of this.root.querySelectorAll<HTMLElement>("[data-iterations]")) {
      const free = (): Element | null =>
        list.isConnected && !list.contains(document.activeElement) && !list.querySelector("[open]")
          ? list
          : null;
      void swapFrom(list.dataset["iterations"] ?? "", free, "outerHTML");
    }
  }
}

function say(element: Element | null | undefined, text: string): void {
  if (element && element.textContent !== text) element.textContent = text;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
