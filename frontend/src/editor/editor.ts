// The editor's page, put together: model and server, canvas, what is around it, inspector, runs.
import { Canvas } from "./canvas/index";
import type { CanvasHost } from "./canvas/index";
import { openSession } from "./session";
import type { FlowDocument, Json } from "./ops";
import { afterPress } from "./page/after-press";
import { CardKeeper } from "./page/card-keeper";
import { startChrome } from "./page/chrome";
import type { EditorChrome } from "./page/chrome";
import { noticesOf } from "./page/conflict-notices";
import { FlowActions } from "./page/flow-actions";
import { Inspector } from "./page/inspector";
import { exposeForTests } from "./page/debug";
import { memory, need } from "./page/dom";
import { Presence } from "./page/presence";
import { RunBar } from "./page/run-bar";
import { RunControl, keptRun } from "./page/run-control";
import { sameNodes } from "./page/same-nodes";

interface PageState {
  revision: number;
  document: FlowDocument;
  pins?: Record<string, Json>;
  person: string;
  /** A run that goes on, which this person started here. */
  open_run?: string;
  /** A run that is laid over the flow as it was then. */
  past?: string;
}

const root = need("[data-editor]");
const state = JSON.parse(need("#flow-state").textContent ?? "{}") as PageState;
const flow = root.dataset["flow"] ?? "";
const readOnly = "readOnly" in root.dataset;

const session = openSession({
  flow,
  person: state.person,
  revision: state.revision,
  document: state.document,
  pins: state.pins ?? {},
  readOnly,
  isPast: Boolean(state.past),
});
const { model, sync, history, socket } = session;

let actions: FlowActions;
let chrome: EditorChrome;
const host: CanvasHost = {
  moved: (places) => actions.moveTo(places),
  resized: (id, place) => void actions.commit("Resize a note", [{ op: "place", node: id, place: { ...place } }], `size ${id}`),
  connect: (from, to) => actions.connect(from, to),
  reconnect: (edge, end) => actions.reconnect(edge, end),
  disconnect: (edge) => actions.remove({ nodes: [], edges: [edge] }),
  canConnect: (from, to, without) => actions.canConnect(from, to, without),
  connectDropped: (loose, at, client) =>
    afterPress(() => chrome.quickAdd({ ...("to" in loose ? { to: loose.to } : { from: loose }), at, client })),
  droppedOnEdge: (node, edge, places) => actions.splice(node, edge, places),
  droppedInto: (nodes, container, places) => actions.moveInto(nodes, container, places),
  selected: () => onSelected(),
  opened: (id) => actions.openSettings(id),
  menu: (target, client) => afterPress(() => chrome.openMenu("canvas" in target ? {} : target, client)),
  emptyDoubleClick: (at, client) => afterPress(() => chrome.quickAdd({ at, client })),
  addOnPort: (node, port, client) =>
    afterPress(() => chrome.quickAdd({ from: { node, port }, client, placeFreely: true })),
  addOnEdge: (edge, client) => afterPress(() => chrome.quickAdd({ edge, client })),
  viewChanged: (view) => {
    memory.write(VIEW, JSON.stringify(view));
    runs.overlay.seen();
  },
};
const VIEW = `editor-view:${state.person}:${flow}`;

const canvasRoot = need("[data-canvas]");
const canvas = new Canvas(canvasRoot, host);
const keeper = new CardKeeper(flow, model, canvas);
const presence = new Presence((id) => canvas.element(id));
const kept = keptRun(flow);
const runs = new RunControl(canvasRoot, model, canvas, kept);
runs.past = state.past ?? "";
const inspector = new Inspector(need("[data-inspector]"), {
  flow,
  ...(state.past ? { past: state.past } : {}),
  entry: (node) => model.nodes.get(node) as never,
  pin: (node) => model.pins.get(node),
  onChange: (node, path, value, note) => {
    const op = value === undefined ? { op: "set", node, path } : { op: "set", node, path, value };
    actions.commit(note.label, [op as never], note.group);
  },
  onRename: (node, to) => actions.renameId(node, to),
  onClose: () => undefined,
  // Not before the canvas has its new width.
  onShow: (node) => void requestAnimationFrame(() => canvas.reveal(node)),
  onRetry: (node, run) => actions.runFrom(node, run),
});
actions = new FlowActions({
  flow,
  readOnly,
  session,
  canvas,
  keeper,
  runs,
  openSettings: (id, path) => {
    canvas.select([id]);
    void inspector.show(id, { focus: true }).then(() => path && inspector.focusField(path));
  },
});

function onSelected(): void {
  const selection = actions.selection();
  actions.emit("selection", selection);
  socket.select(selection.nodes);
  const [only] = selection.nodes;
  if (inspector.open && selection.nodes.length === 1 && only) void inspector.show(only);
}

sync.onTouched = (touched) => {
  const { renamed } = touched;
  const selectAgain = renamed?.size ? sameNodes(canvas, renamed) : () => undefined;
  keeper.take(touched);
  // Of others: the server has it already. Own changes are asked for when they are saved.
  if (sync.state.kind === "saved") keeper.refresh();
  inspector.update(touched);
  selectAgain();
  if (sync.state.kind === "saved") inspector.saved();
  actions.tellChange();
};
sync.onState = (saved) => {
  const { kind, kept, message } = saved;
  actions.emit("saved", { kind, kept, ...(message ? { detail: message } : {}) });
  if (kind !== "saved") return;
  keeper.refresh();
  inspector.saved();
};
sync.onConflicts = (notices) => actions.emit("conflicts", noticesOf(sync, notices));
sync.onPeople = (people) => {
  const others = people.filter((person) => person.tab !== sync.tab);
  presence.show(others);
  actions.emit("people", others);
};
const renamed = sync.onRenamed;
sync.onRenamed = (ids) => {
  renamed(ids);
  for (const [from, to] of ids) inspector.renamed(from, to);
};
history.onChange = () => actions.emit("history", undefined);
keeper.onDrawn = (ids) => {
  for (const id of ids) runs.overlay.redrawn(id);
  presence.redrawn(ids);
  actions.tellChange();
};
runs.onState = (run) => actions.emit("run", run);
runs.onSaid = (said) => actions.say(said);
const runBar = new RunBar(root, {
  clear: () => runs.clear(),
  show: (node) => actions.openSettings(node),
});
let heard = "";
runs.onStatus = (status) => {
  runBar.show(status);
  const node = inspector.open;
  const state = node === null ? "" : runs.overlay.state(node);
  const now = status ? `${status.run} ${status.status} ${node} ${state}` : "";
  if (now !== heard) inspector.setRun(status?.run ?? null);
  heard = now;
};
runs.overlay.onDrawn = () => {
  const node = inspector.open;
  if (node && runs.overlay.isRunning) inspector.live(runs.overlay.state(node), runs.overlay.streamed(node));
};

keeper.start(canvasRoot.querySelectorAll<HTMLElement>("[data-canvas-cards] > [data-node]"));
canvas.setReadOnly(readOnly);
chrome = startChrome(actions);
chrome.hearProblems((problems) => inspector.showProblems(problems));
openView();
exposeForTests(session, actions);
session.start();
const shown = state.past || kept.read() || state.open_run;
if (shown) runs.show(shown);

/** Where this person left the flow; `?node=` goes to a node. */
function openView(): void {
  canvas.start();
  const wanted = new URLSearchParams(location.search).get("node");
  if (wanted && model.nodes.has(wanted)) {
    canvas.select([wanted]);
    canvas.centre(wanted, { animate: false });
    // Cards are laid out from the first frame on, and take no focus before.
    requestAnimationFrame(() => requestAnimationFrame(() => canvas.focus(wanted, { reveal: false })));
    return;
  }
  const left = memory.read(VIEW);
  if (!left) return;
  const view = JSON.parse(left) as { x: number; y: number; zoom: number };
  if ([view.x, view.y, view.zoom].every(Number.isFinite)) canvas.setView(view);
}
