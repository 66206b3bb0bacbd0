// Everything that can be done in the editor, with its keys: one table for keys, menus and the sheet.
import type { EditorActions, Point, Said } from "./actions";
import { isPast, PAST } from "./past";

export const GROUPS = ["Add", "Edit", "Select", "View", "Run", "Flow", "Help"] as const;
export type Group = (typeof GROUPS)[number];

/** What commands may ask of the page around the canvas. */
export interface Chrome {
  readonly actions: EditorActions;
  /** Where the menu was opened that a command is chosen from. */
  readonly menuPoint: Point | null;
  say(said: Said): void;
  showPalette(): void;
  showOutline(): void;
  togglePanel(): void;
  openCommands(): void;
  openSheet(): void;
  toggleProblems(): void;
  pickTarget(node: string): void;
  pickContainer(nodes: readonly string[]): void;
  pickPort(node: string): void;
  addAfter(node: string): void;
  addBetween(node: string): void;
  addHere(): void;
  askRun(): void;
  askPublish(): void;
  askImport(): void;
  download(kind: "yaml" | "json"): void;
  changeTheme(): void;
  rename(node: string): void;
}

export interface Command {
  id: string;
  group: Group;
  title: string;
  icon: string;
  /** As `keys.ts` reads them; the first is shown. */
  keys?: readonly string[];
  /** Keys hold on the whole page, else where the canvas has the focus. */
  page?: boolean;
  /** Keys hold in fields too. */
  inFields?: boolean;
  /** The browser raises an event of this name for these keys, with a clipboard. */
  native?: "copy" | "cut" | "paste";
  danger?: boolean;
  /** True, or a sentence that says why not now. */
  can?(actions: EditorActions): true | string;
  run(chrome: Chrome, clipboard?: DataTransfer): void;
}

const READ_ONLY = "You may look at this flow but not change it.";
type Check = (actions: EditorActions) => true | string;

const edits: Check = (actions) => !actions.readOnly || READ_ONLY;
const nodes: Check = (actions) => actions.selection().nodes.length > 0 || "Select a node first.";
const one: Check = (actions) => actions.selection().nodes.length === 1 || "Select one node first.";
const something: Check = (actions) => {
  const { nodes, edges } = actions.selection();
  return nodes.length + edges.length > 0 || "Select something first.";
};
const ofDraft: Check = () => !isPast() || PAST;
const hasRun: Check = (actions) => {
  const { kind, id } = actions.runState();
  if (!id) return "Run the flow once; then it can be run again from here.";
  return kind === "idle" || "The run has not ended yet. Stop it, or wait for its end.";
};
const gives: Check = (actions) => {
  const node = actions.nodes().find((entry) => entry.id === actions.selection().nodes[0]);
  return !node || node.ports.length > 0 || "Nothing comes after this node.";
};

const leads: Check = (actions) => {
  const [node] = actions.selection().nodes;
  return actions.edges().some((edge) => edge.source === node) || "No wire leads on from this node.";
};

function all(...checks: Check[]): Check {
  return (actions) => {
    for (const check of checks) {
      const said = check(actions);
      if (said !== true) return said;
    }
    return true;
  };
}

function selected(chrome: Chrome): readonly string[] {
  return chrome.actions.selection().nodes;
}

function first(chrome: Chrome): string {
  return selected(chrome)[0] ?? "";
}

async function paste(chrome: Chrome, clipboard?: DataTransfer): Promise<void> {
  const answer = await chrome.actions.paste(clipboard?.getData("text/plain"));
  if (answer !== true) chrome.say({ text: answer, tone: "warning" });
}

const ADD: Command[] = [
  { id: "palette", group: "Add", title: "Add a node from the list", icon: "add", keys: ["/", "Tab"],
    page: true, can: edits, run: (chrome) => chrome.showPalette() },
  { id: "add-here", group: "Add", title: "Add a node here", icon: "add", can: edits,
    run: (chrome) => chrome.addHere() },
  { id: "add-after", group: "Add", title: "Add a node after it", icon: "add", keys: ["A"],
    can: all(edits, one, gives), run: (chrome) => chrome.addAfter(first(chrome)) },
  { id: "add-between", group: "Add", title: "Add a node into the wire after it", icon: "add", keys: ["Shift+A"],
    can: all(edits, one, leads), run: (chrome) => chrome.addBetween(first(chrome)) },
  { id: "note", group: "Add", title: "Add a note", icon: "note", keys: ["Shift+S"], can: edits,
    run: (chrome) => {
      const point = chrome.menuPoint;
      if (chrome.actions.addNote(point ? { client: point } : {})) chrome.say({ text: "Added a note.", undo: true });
    } },
  { id: "commands", group: "Add", title: "Search nodes, flows and commands", icon: "search",
    keys: ["Mod+K"], page: true, inFields: true, run: (chrome) => chrome.openCommands() },
];

const EDIT: Command[] = [
  { id: "settings", group: "Edit", title: "Open the settings", icon: "settings", can: one,
    run: (chrome) => chrome.actions.openSettings(first(chrome)) },
  { id: "rename", group: "Edit", title: "Rename", icon: "rename", keys: ["F2"], can: all(edits, one),
    run: (chrome) => chrome.rename(first(chrome)) },
  { id: "connect", group: "Edit", title: "Connect on the canvas", icon: "connect", keys: ["C"],
    can: all(edits, one, gives), run: (chrome) => chrome.pickPort(first(chrome)) },
  { id: "connect-to", group: "Edit", title: "Connect to…", icon: "connect", can: all(edits, one, gives),
    run: (chrome) => chrome.pickTarget(first(chrome)) },
  { id: "move-into", group: "Edit", title: "Move into or out of a container…", icon: "move",
    can: all(edits, nodes), run: (chrome) => chrome.pickContainer(selected(chrome)) },
  { id: "disable", group: "Edit", title: "Turn off or on", icon: "disable", keys: ["D"],
    can: all(edits, nodes), run: (chrome) => chrome.actions.toggleDisabled(selected(chrome)) },
  { id: "pin", group: "Edit", title: "Pin the output", icon: "pin", keys: ["P"],
    can: all(edits, nodes), run: (chrome) => chrome.actions.togglePin(selected(chrome)) },
  { id: "copy", group: "Edit", title: "Copy", icon: "copy", keys: ["Mod+C"], native: "copy", can: nodes,
    run: (chrome, clipboard) => void chrome.actions.copy(clipboard) },
  { id: "cut", group: "Edit", title: "Cut", icon: "cut", keys: ["Mod+X"], native: "cut", can: all(edits, nodes),
    run: (chrome, clipboard) => void chrome.actions.cut(clipboard) },
  { id: "paste", group: "Edit", title: "Paste", icon: "paste", keys: ["Mod+V"], native: "paste", can: edits,
    run: (chrome, clipboard) => void paste(chrome, clipboard) },
  { id: "duplicate", group: "Edit", title: "Duplicate", icon: "copy", keys: ["Mod+D"], can: all(edits, nodes),
    run: (chrome) => chrome.actions.duplicate(selected(chrome)) },
  { id: "frame", group: "Edit", title: "Put a frame around it", icon: "frame", keys: ["Mod+G"],
    can: all(edits, nodes), run: (chrome) => chrome.actions.frameSelection() },
  { id: "tidy", group: "Edit", title: "Tidy up", icon: "tidy", keys: ["Shift+L"], can: edits,
    run: (chrome) => {
      const scope = selected(chrome).length > 1 ? "selection" : "all";
      const what = scope === "all" ? "the flow" : "the selection";
      void Promise.resolve(chrome.actions.tidy(scope)).then((moved) =>
        chrome.say(moved ? { text: `Tidied up ${what}.`, undo: true } : { text: `Nothing moved: ${what} is tidy.` }));
    } },
  { id: "delete", group: "Edit", title: "Delete", icon: "delete", keys: ["Delete", "Backspace"], danger: true,
    can: all(edits, something), run: (chrome) => chrome.actions.remove(chrome.actions.selection()) },
  { id: "delete-gap", group: "Edit", title: "Delete and leave a gap", icon: "delete",
    keys: ["Shift+Delete", "Mod+Delete", "Shift+Backspace", "Mod+Backspace"], danger: true,
    can: all(edits, something), run: (chrome) => chrome.actions.remove(chrome.actions.selection(), false) },
  { id: "undo", group: "Edit", title: "Undo", icon: "undo", keys: ["Mod+Z"], page: true,
    can: all(edits, (actions) => actions.undoLabel() !== null || "There is nothing to undo."),
    run: (chrome) => {
      const label = chrome.actions.undoLabel();
      chrome.say({ text: `Undone: ${label}.` });
      // What others changed since is left as it is, which is said in place of the above.
      chrome.actions.undo();
    } },
  { id: "redo", group: "Edit", title: "Redo", icon: "redo", keys: ["Mod+Shift+Z", "Mod+Y"], page: true,
    can: all(edits, (actions) => actions.redoLabel() !== null || "There is nothing to redo."),
    run: (chrome) => {
      const label = chrome.actions.redoLabel();
      chrome.say({ text: `Done again: ${label}.` });
      chrome.actions.redo();
    } },
];

const SELECT: Command[] = [
  { id: "select-all", group: "Select", title: "Select all", icon: "select", keys: ["Mod+A"],
    run: (chrome) => chrome.actions.selectAll() },
  { id: "deselect", group: "Select", title: "Select nothing", icon: "cancel", keys: ["Escape"], can: something,
    run: (chrome) => chrome.actions.select([]) },
];

const VIEW: Command[] = [
  { id: "fit", group: "View", title: "Show all of the flow", icon: "fit", keys: ["1"], page: true,
    run: (chrome) => chrome.actions.fit() },
  { id: "fit-selection", group: "View", title: "Show the selection", icon: "fit", keys: ["Shift+2"], page: true,
    can: nodes, run: (chrome) => chrome.actions.fit(selected(chrome)) },
  { id: "actual", group: "View", title: "Zoom to 100 %", icon: "zoom", keys: ["0"], page: true,
    run: (chrome) => chrome.actions.zoomTo(1) },
  { id: "zoom-in", group: "View", title: "Zoom in", icon: "zoom", keys: ["+"], page: true,
    run: (chrome) => chrome.actions.zoomBy(1.25) },
  { id: "zoom-out", group: "View", title: "Zoom out", icon: "zoom", keys: ["-"], page: true,
    run: (chrome) => chrome.actions.zoomBy(0.8) },
  { id: "minimap", group: "View", title: "Minimap", icon: "map", keys: ["M"], page: true,
    run: (chrome) => chrome.actions.toggleMinimap() },
  { id: "toggle-panel", group: "View", title: "Panel with nodes and outline", icon: "outline",
    run: (chrome) => chrome.togglePanel() },
  { id: "outline", group: "View", title: "Outline of the flow", icon: "outline",
    run: (chrome) => chrome.showOutline() },
  { id: "problems", group: "View", title: "Problems", icon: "problems", run: (chrome) => chrome.toggleProblems() },
];

const RUN: Command[] = [
  { id: "run", group: "Run", title: "Run or stop", icon: "run", keys: ["Mod+Enter"], page: true, inFields: true,
    run: (chrome) => chrome.askRun() },
  { id: "run-node", group: "Run", title: "Run this node alone", icon: "run", can: all(ofDraft, one),
    run: (chrome) => chrome.actions.runNode(first(chrome)) },
  { id: "run-to", group: "Run", title: "Run up to here", icon: "run", can: all(ofDraft, one),
    run: (chrome) => chrome.actions.runTo(first(chrome)) },
  { id: "run-from", group: "Run", title: "Run again from here", icon: "redo", can: all(one, hasRun),
    run: (chrome) => chrome.actions.runFrom(first(chrome)) },
];

const FLOW: Command[] = [
  { id: "publish", group: "Flow", title: "Publish…", icon: "publish", can: edits, run: (chrome) => chrome.askPublish() },
  { id: "sharing", group: "Flow", title: "Sharing", icon: "sharing", run: (chrome) => chrome.actions.openSharing() },
  { id: "versions", group: "Flow", title: "Versions", icon: "versions", run: (chrome) => chrome.actions.openVersions() },
  { id: "import", group: "Flow", title: "Import by pasting…", icon: "paste", can: edits, run: (chrome) => chrome.askImport() },
  { id: "export-yaml", group: "Flow", title: "Export as YAML", icon: "flow", run: (chrome) => chrome.download("yaml") },
  { id: "export-json", group: "Flow", title: "Export as JSON", icon: "flow", run: (chrome) => chrome.download("json") },
];

const HELP: Command[] = [
  { id: "shortcuts", group: "Help", title: "Keyboard shortcuts", icon: "help", keys: ["?"], page: true,
    run: (chrome) => chrome.openSheet() },
  { id: "theme", group: "Help", title: "Change the theme", icon: "settings", run: (chrome) => chrome.changeTheme() },
];

/** All of them, in the order of the sheet. */
export const COMMANDS: readonly Command[] = [...ADD, ...EDIT, ...SELECT, ...VIEW, ...RUN, ...FLOW, ...HELP];

const BY_ID = new Map(COMMANDS.map((command) => [command.id, command]));

export function command(id: string): Command | undefined {
  return BY_ID.get(id);
}

/** Why a command cannot be given now; empty: it can. */
export function reasonAgainst(command: Command, actions: EditorActions): string {
  const answer = command.can?.(actions) ?? true;
  return answer === true ? "" : answer;
}
