// The list of a flow's newest runs beside Run: each opens the flow as it was then, with its values.
import type { Said } from "./actions";
import { need } from "./dom";
import type { Menu, MenuGroups, MenuItem } from "./menu";

interface RecentRun {
  id: string;
  state: string;
  word: string;
  when: string;
  what: string;
  url: string;
}

interface Recent {
  runs: readonly RecentRun[];
  all: string;
}

export class RecentRuns {
  private readonly url = need("[data-editor]").dataset["recentUrl"] ?? "";

  constructor(
    private readonly menu: Menu,
    private readonly say: (said: Said) => void,
    /** Pages are left only when everything is saved. */
    private readonly go: (url: string) => void,
  ) {}

  async open(opener: HTMLElement): Promise<void> {
    const found = await this.ask();
    if (!found) {
      this.say({ text: "The server does not answer. Try again in a moment.", tone: "warning" });
      return;
    }
    if (found.runs.length === 0) {
      this.say({ text: "This flow has not run yet." });
      return;
    }
    const box = opener.getBoundingClientRect();
    this.menu.open("Recent runs", this.groups(found), { x: box.right - 280, y: box.bottom + 4 }, opener);
  }

  private groups({ runs, all }: Recent): MenuGroups {
    const items = runs.map((run): MenuItem => ({
      id: run.id,
      title: `${run.word} · ${run.when} · ${run.what}`,
      icon: `run-${run.state}`,
      choose: () => this.go(run.url),
    }));
    const every = { id: "all-runs", title: "All runs, to compare", icon: "outline", choose: () => this.go(all) };
    return [items, [every]];
  }

  private async ask(): Promise<Recent | null> {
    try {
      const answer = await fetch(this.url, { cache: "no-store" });
      return answer.ok && !answer.redirected ? ((await answer.json()) as Recent) : null;
    } catch {
      return null;
    }
  }
}
