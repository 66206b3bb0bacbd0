// Everything around the canvas put together: what the editor's page starts, and the canvas calls.
import type { AddOptions, EditorActions, Point, Said } from "./actions";
import { Bar } from "./bar";
import { Beginning } from "./beginning";
import { CommandPalette } from "./command-palette";
import { Conflicts } from "./conflicts";
import { ContextMenus, type MenuTarget } from "./context-menu";
import { ImportDialog, PublishDialog, RunDialog } from "./dialogs";
import { need, typeIcon } from "./dom";
import type { Entry } from "./filter-list";
import { bindKeys } from "./key-binding";
import { Menu } from "./menu";
import { nodeTypes } from "./node-types";
import { Outline } from "./outline";
import { Palette } from "./palette";
import { Panel } from "./panel";
import { fittingTypes, Picker, type QuickAdd, typeSections } from "./picker";
import { type Problem, Problems } from "./problems";
import { RecentRuns } from "./recent-runs";
import { Say } from "./say";
import { openSheet } from "./sheet";
import { type Chrome, type Command, command, reasonAgainst } from "./shortcuts";

export class EditorChrome implements Chrome {
  menuPoint: Point | null = null;
  private readonly picker = new Picker();
  private readonly toaster: Say;
  private readonly panel: Panel;
  private readonly palette: Palette;
  private readonly outline: Outline;
  private readonly problems: Problems;
  private readonly menus: ContextMenus;
  private readonly commandPalette: CommandPalette;
  private readonly runDialog: RunDialog;
  private readonly publishDialog: PublishDialog;
  private readonly importDialog: ImportDialog;
  private readonly conflicts: Conflicts;
  private readonly recentRuns: RecentRuns;

  constructor(readonly actions: EditorActions) {
    const say = (said: Said): void => this.say(said);
    const give = (found: Command): void => this.give(found);
    this.toaster = new Say(() => this.giveNamed("undo"), () => actions.undoLabel());
    actions.on("history", () => this.toaster.stepped());
    new Bar(actions);
    this.runDialog = new RunDialog(actions, say);
    this.publishDialog = new PublishDialog(actions, say);
    this.importDialog = new ImportDialog(actions, say);
    this.outline = new Outline(this, give, (node, client) => this.openMenu({ node }, client));
    this.panel = new Panel((page) => this.outline.show(page === "outline"));
    this.palette = new Palette(actions, (type, options) => this.add(type, options), (on) => this.panelUnderDrag(on));
    this.problems = new Problems(actions);
    const menu = new Menu();
    this.recentRuns = new RecentRuns(menu, say, (url) => void this.leaveFor(url));
    this.menus = new ContextMenus(menu, actions, give, (edge, client) => this.quickAdd({ edge, client }));
    this.commandPalette = new CommandPalette(actions, give, (type) => this.add(type, {}));
    this.conflicts = new Conflicts((node) => actions.focusNode(node), (text) => this.toaster.announce(text));
    new Beginning(actions, say, () => this.askRun());
    actions.on("said", say);
    actions.on("conflicts", (notices) => this.conflicts.add(notices));
    document.addEventListener("click", (event) => this.onClick(event));
    bindKeys(this, (found, clipboard) => this.give(found, clipboard));
  }

  say(said: Said): void {
    this.toaster.say(said);
  }

  /** Hear what the server finds wrong with the flow, each time it has looked. */
  hearProblems(hear: (problems: readonly Problem[]) => void): void {
    this.problems.onFound = hear;
  }

  /** The menu of a node, an edge or the canvas, as the canvas asks for it. */
  openMenu(target: MenuTarget, client: Point): void {
    this.menuPoint = client;
    this.menus.open(target, client);
  }

  /** The list of what fits: after a wire was dropped, on `+`, after a double click. */
  quickAdd(wanted: QuickAdd): void {
    if (this.actions.readOnly) return;
    const types = fittingTypes(this.actions, wanted);
    const options: AddOptions = {
      ...(wanted.edge ? { onEdge: wanted.edge } : {}),
      ...(wanted.from ? { after: wanted.from } : {}),
      ...(wanted.to ? { before: wanted.to } : {}),
      ...(wanted.at ? { at: wanted.at } : wanted.placeFreely || wanted.edge ? {} : { client: wanted.client }),
    };
    const sections = typeSections(types, (type) => this.add(type, options));
    this.picker.open(wanted.from ? "Add what comes next" : "Add a node", sections, wanted.client);
  }

  /** Carry a command out, or say why not. */
  give(found: Command, clipboard?: DataTransfer): void {
    const why = reasonAgainst(found, this.actions);
    if (why) this.say({ text: why, tone: "warning" });
    else found.run(this, clipboard);
  }

  showPalette(): void {
    this.panel.open("nodes");
    this.palette.focus();
  }

  showOutline(): void {
    this.panel.open("outline");
    this.outline.focus();
  }

  togglePanel(): void {
    this.panel.toggle();
  }

  openCommands(): void {
    this.commandPalette.open();
  }

  openSheet(): void {
    openSheet(this.actions);
  }

  toggleProblems(): void {
    this.problems.toggle();
  }

  askRun(): void {
    void this.runDialog.ask();
  }

  askPublish(): void {
    this.publishDialog.open();
  }

  askImport(): void {
    this.importDialog.open();
  }

  download(kind: "yaml" | "json"): void {
    location.assign(need("[data-editor]").dataset[`${kind}Url`] ?? "");
  }

  changeTheme(): void {
    // The theme is the page's own affair: its script hears clicks on such a button.
    const button = document.createElement("button");
    button.dataset["themeButton"] = "";
    button.hidden = true;
    document.body.append(button);
    button.click();
    button.remove();
    this.say({ text: `Theme: ${document.documentElement.dataset["theme"] ?? "system"}.` });
  }

  rename(node: string): void {
    if (this.panel.isOpen && this.panel.page === "outline" && this.panel.element.contains(document.activeElement)) {
      this.outline.rename(node);
    } else this.actions.rename(node);
  }

  addAfter(node: string): void {
    const [port] = this.portsOf(node);
    if (!port) return;
    const add = (name: string): void =>
      this.quickAdd({ from: { node, port: name }, client: this.pointBeside(), placeFreely: true });
    this.withPort(node, add);
  }

  /** Into the wire that leaves the node, which is asked for where there are several. */
  addBetween(node: string): void {
    const edges = this.actions.edges().filter((edge) => edge.source === node);
    const add = (edge: string): void => this.quickAdd({ edge, client: this.pointBeside() });
    const [only] = edges;
    if (edges.length === 1 && only) {
      add(only.id);
      return;
    }
    const all = this.actions.nodes();
    const entries = edges.flatMap((edge): Entry[] => {
      const target = all.find((other) => other.id === edge.target);
      return target ? [{ title: `To ${target.title}`, help: edge.port, choose: () => add(edge.id) }] : [];
    });
    this.picker.open("Into which wire", [{ title: "Wires", entries }], this.pointBeside());
  }

  addHere(): void {
    this.quickAdd({ client: this.menuPoint ?? { x: innerWidth / 2 - 160, y: innerHeight / 3 } });
  }

  pickPort(node: string): void {
    this.withPort(node, (port) => this.actions.startConnect({ node, port }));
  }

  pickTarget(node: string): void {
    this.withPort(node, (port) => {
      const targets = this.actions.nodes().filter((other) => other.id !== node && other.takesInput);
      const entries = targets.map((other): Entry => {
        const answer = this.actions.canConnect({ node, port }, other.id);
        return { title: other.title, help: other.id, mark: typeIcon(other.type, other.category),
          off: answer === true ? "" : answer,
          choose: () => {
            this.actions.connect({ node, port }, other.id);
            this.say({ text: `Connected to “${other.title}”.`, undo: true });
          } };
      });
      const [can, cannot] = [entries.filter((entry) => !entry.off), entries.filter((entry) => entry.off)];
      this.picker.open("Connect to", [{ title: "Nodes", entries: can }, { title: "Cannot be connected", entries: cannot }], this.pointBeside());
    });
  }

  pickContainer(nodes: readonly string[]): void {
    const all = this.actions.nodes();
    const moved = all.filter((node) => nodes.includes(node.id));
    const containers = all.filter((node) => node.holds && !isWithin(node.id, nodes, all));
    const entries = containers.map((node): Entry => ({
      title: node.title, help: node.id, mark: typeIcon(node.type, node.category),
      off: moved.every((one) => one.parent === node.id) ? "It is in there already." : "",
      choose: () => this.actions.moveInto(nodes, node.id),
    }));
    const out: Entry = {
      title: "Out of every container", off: moved.every((one) => !one.parent) ? "It is in none." : "",
      choose: () => this.actions.moveInto(nodes, null),
    };
    this.picker.open("Move into", [{ title: "Containers", entries }, { title: "Out", entries: [out] }], this.pointBeside());
  }

  /** With the node's port, which is asked for where there are several. */
  private withPort(node: string, then: (port: string) => void): void {
    const ports = this.portsOf(node);
    const [only] = ports;
    if (ports.length === 1 && only) {
      then(only.name);
      return;
    }
    const entries = ports.map((port): Entry => ({ title: port.label || port.name, choose: () => then(port.name) }));
    this.picker.open("From which port", [{ title: "Ports", entries }], this.pointBeside());
  }

  private portsOf(node: string): readonly { name: string; label: string }[] {
    return this.actions.nodes().find((entry) => entry.id === node)?.ports ?? [];
  }

  /** Beside what has the focus, for lists that no pointer asked for. */
  private pointBeside(): Point {
    const box = (document.activeElement ?? document.body).getBoundingClientRect();
    const isWide = box.width > innerWidth / 2 || box.width === 0;
    return isWide ? { x: innerWidth / 2 - 160, y: innerHeight / 4 } : { x: box.left + 24, y: Math.min(box.top, innerHeight - 40) + 32 };
  }

  private add(type: string, options: AddOptions): void {
    const known = nodeTypes().get(type);
    if (this.actions.addNode(type, options) === null) return;
    this.say({ text: `Added “${known?.title ?? type}”.`, undo: true });
    if (this.panel.isDrawer) this.panel.close();
  }

  /** A drawer hides while something is dragged out of it; it stays in the page for the finger. */
  private panelUnderDrag(on: boolean): void {
    if (this.panel.isDrawer) this.panel.element.toggleAttribute("data-dragging", on);
  }

  /** Another page, as soon as the server has everything; what it cannot have now is kept. */
  private async leaveFor(url: string): Promise<void> {
    if (!this.actions.readOnly) await this.actions.flush();
    location.assign(url);
  }

  private giveNamed(id: string): void {
    const found = command(id);
    if (found) this.give(found);
  }

  private onClick(event: Event): void {
    const target = event.target instanceof Element ? event.target : null;
    const more = target?.closest<HTMLElement>("[data-more]");
    if (more) {
      this.menuPoint = null;
      this.menus.openMore(more);
    }
    const recent = target?.closest<HTMLElement>("[data-recent-runs]");
    if (recent) void this.recentRuns.open(recent);
    const button = target?.closest<HTMLElement>("[data-command]");
    if (button) {
      this.menuPoint = null;
      this.giveNamed(button.dataset["command"] ?? "");
    }
  }
}

/** Whether a node is one of these or within one of them. */
function isWithin(id: string, nodes: readonly string[], all: readonly { id: string; parent: string | null }[]): boolean {
  for (let at: string | null = id; at; at = all.find((node) => node.id === at)?.parent ?? null) {
    if (nodes.includes(at)) return true;
  }
  return false;
}

/** Start everything around the canvas. */
export function startChrome(actions: EditorActions): EditorChrome {
  return new EditorChrome(actions);
}
