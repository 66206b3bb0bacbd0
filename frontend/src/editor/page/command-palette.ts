// Ctrl/Cmd+K: one field to add a node, go to a node, give a command, open another flow.
import type { EditorActions } from "./actions";
import { icon, need, remember, remembered, typeIcon } from "./dom";
import { type Entry, FilterList, type Section } from "./filter-list";
import { keyLabel } from "./keys";
import { fittingTypes, typeSections } from "./picker";
import { COMMANDS, type Command, reasonAgainst } from "./shortcuts";

const SEARCH_AFTER = 180;
const RECENT = "recent-commands";
const NOT_HERE = new Set(["commands", "add-here", "palette", "deselect"]);

interface FoundFlow {
  id: string;
  name: string;
  url: string;
}

export class CommandPalette {
  private readonly dialog = need<HTMLDialogElement>("#command-dialog");
  private readonly findUrl = need("[data-editor]").dataset["findUrl"] ?? "";
  private list = new FilterList("");
  private flows: readonly FoundFlow[] = [];
  private asked = 0;
  private back: HTMLElement | null = null;
  private chosen: (() => void) | null = null;

  constructor(
    private readonly actions: EditorActions,
    private readonly give: (command: Command) => void,
    private readonly add: (type: string) => void,
  ) {
    this.dialog.addEventListener("close", () => {
      this.back?.focus({ preventScroll: true });
      const choose = this.chosen;
      this.chosen = null;
      choose?.();
    });
  }

  open(): void {
    if (this.dialog.open) return;
    this.back = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    this.flows = [];
    this.list = new FilterList("Add a node, go to a node, run a command…", (text) => this.search(text));
    this.dialog.replaceChildren(this.list.element);
    this.list.setSections(this.sections());
    this.dialog.showModal();
    this.list.field.focus();
  }

  private sections(): Section[] {
    const closing = (section: Section): Section => ({
      ...section,
      entries: section.entries.map((entry) => ({ ...entry, choose: () => this.close(() => entry.choose()) })),
    });
    const types = this.actions.readOnly ? [] : typeSections(fittingTypes(this.actions, {}), this.add);
    const [recentTypes, otherTypes] = types;
    return [
      { title: "Commands used last", entries: this.recentCommands(), most: 4 },
      ...(recentTypes ? [{ ...recentTypes, title: "Add again", most: 3 }] : []),
      { title: "Go to a node", entries: this.nodes(), most: 5 },
      ...(otherTypes ? [{ ...otherTypes, title: "Add a node", most: 5 }] : []),
      { title: "Commands", entries: this.commands() },
      { title: "Other flows", entries: this.flowEntries(), found: true },
    ].map(closing);
  }

  private nodes(): Entry[] {
    return this.actions.nodes().map((node) => ({
      title: node.title,
      help: node.id,
      words: node.type,
      mark: typeIcon(node.type, node.category),
      aside: "Go to",
      choose: () => this.actions.focusNode(node.id),
    }));
  }

  private recentCommands(): Entry[] {
    return remembered(RECENT).flatMap((id) => {
      const found = COMMANDS.find((command) => command.id === id);
      return found && !reasonAgainst(found, this.actions) ? [this.command(found)] : [];
    });
  }

  private commands(): Entry[] {
    const recent = new Set(remembered(RECENT));
    return COMMANDS.filter((command) => !NOT_HERE.has(command.id))
      .filter((command) => !recent.has(command.id) || reasonAgainst(command, this.actions))
      .map((command) => this.command(command));
  }

  private command(command: Command): Entry {
    const keys = command.keys?.[0];
    return {
      title: command.title,
      words: `${command.group} ${command.id}`,
      mark: icon(command.icon, 16),
      off: reasonAgainst(command, this.actions),
      ...(keys ? { aside: keyLabel(keys) } : {}),
      choose: () => {
        remember(RECENT, command.id, 4);
        this.give(command);
      },
    };
  }

  private flowEntries(): Entry[] {
    return this.flows.filter((flow) => flow.id !== this.actions.flow).map((flow) => ({
      title: flow.name,
      mark: icon("flow"),
      aside: "Open",
      choose: () => location.assign(flow.url),
    }));
  }

  private close(then: () => void): void {
    this.chosen = then;
    this.dialog.close();
  }

  /** Flows are searched by the server, a moment after the last key. */
  private search(text: string): void {
    const asked = (this.asked += 1);
    if (text.trim().length < 2) {
      this.flows = [];
      this.list.setSections(this.sections());
      return;
    }
    setTimeout(() => {
      if (asked === this.asked) void this.ask(text, asked);
    }, SEARCH_AFTER);
  }

  private async ask(text: string, asked: number): Promise<void> {
    try {
      const answer = await fetch(`${this.findUrl}?q=${encodeURIComponent(text.trim())}`);
      if (!answer.ok || answer.redirected) return;
      const { flows } = (await answer.json()) as { flows: FoundFlow[] };
      if (asked !== this.asked) return;
      this.flows = flows;
      this.list.setSections(this.sections());
    } catch {
      // Without a network the rest of the list still works.
    }
  }
}
