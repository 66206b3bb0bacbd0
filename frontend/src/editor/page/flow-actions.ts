// The editor's actions on a real flow: each becomes a change that is kept, sent, and can be undone.
import type { Canvas } from "../canvas/index";
import { copyNodes, duplicateNodes, pasteClip } from "../clipboard";
import { readOnServer } from "../browser";
import { OpFailed } from "../model";
import type { FlowModel } from "../model";
import { edgeBetween, sourceOf } from "../ops";
import type { FlowDocument, Json, Op, Place } from "../ops";
import { recognise } from "../paste";
import type { Session } from "../session";
import type { SyncState } from "../sync";
import type {
  AddOptions, EdgeInfo, EditorActions, EditorEvents, NodeEnd, NodeInfo, RunAnswer, RunState, Said, Selection,
} from "./actions";
import type { CardKeeper } from "./card-keeper";
import { renameOnCard } from "./card-rename";
import { added, movedInto, placed, removed } from "./composing";
import type { Composed } from "./composing";
import { canConnect } from "./connecting";
import { edgeInfo, nodeInfo, titleOf } from "./graph-info";
import { nodeTypes } from "./node-types";
import { spotFor } from "./placing";
import { postPublish } from "./requests";
import type { RunControl } from "./run-control";

type Hearers = { [E in keyof EditorEvents]: Set<(value: EditorEvents[E]) => void> };

const NOTE_SIZE = { width: 240, height: 120 };
/** Pixels of a frame around what it holds, and above that for its title. */
const FRAME_ROOM = 30;
const FRAME_HEAD = 50;
/** Milliseconds that are waited for the server to have everything. */
const FLUSH_WITHIN = 10_000;

export interface FlowActionsParts {
  readonly flow: string;
  readonly readOnly: boolean;
  readonly session: Session;
  readonly canvas: Canvas;
  readonly keeper: CardKeeper;
  readonly runs: RunControl;
  readonly openSettings: (id: string, path?: string) => void;
}

export class FlowActions implements EditorActions {
  readonly flow: string;
  readonly readOnly: boolean;
  private readonly model: FlowModel;
  private readonly canvas: Canvas;
  private readonly session: Session;
  private readonly runs: RunControl;
  private changed = false;
  private readonly hearers: Hearers = {
    change: new Set(), selection: new Set(), history: new Set(), saved: new Set(), people: new Set(),
    conflicts: new Set(), run: new Set(), said: new Set(),
  };

  constructor(private readonly parts: FlowActionsParts) {
    const { flow, readOnly, session, canvas, runs } = parts;
    Object.assign(this, { flow, readOnly });
    this.flow = flow;
    this.readOnly = readOnly;
    this.session = session;
    this.model = session.model;
    this.canvas = canvas;
    this.runs = runs;
  }

  nodes(): readonly NodeInfo[] {
    const shown = {
      card: (id: string) => this.canvas.element(id),
      state: (id: string) => this.runs.overlay.state(id),
    };
    const inOrder = this.canvas.graphOrder().flatMap((id) => this.model.nodes.get(id) ?? []);
    // Those that have no card yet come last.
    const all = new Set([...inOrder, ...this.model.nodes.values()]);
    return [...all].map((entry) => nodeInfo(entry, this.model, shown));
  }

  types = (): ReadonlySet<string> => new Set([...this.model.nodes.values()].map((entry) => entry.type));

  edges = (): readonly EdgeInfo[] => [...this.model.edges.values()].map(edgeInfo);
  name = (): string => this.model.head.name;
  runState = (): RunState => this.runs.state;
  undoLabel = (): string | null => this.session.history.labels.undo;
  redoLabel = (): string | null => this.session.history.labels.redo;

  selection(): Selection {
    return { nodes: [...this.canvas.selection], edges: [...this.canvas.selectedEdges] };
  }

  canConnect(from: NodeEnd, to: string, without?: string): true | string {
    return canConnect(this.model, from, to, without);
  }

  on<E extends keyof EditorEvents>(event: E, hear: (value: EditorEvents[E]) => void): () => void {
    this.hearers[event].add(hear);
    return () => this.hearers[event].delete(hear);
  }

  emit<E extends keyof EditorEvents>(event: E, value: EditorEvents[E]): void {
    for (const hear of this.hearers[event]) hear(value);
  }

  /** Nodes, wires or places have changed: said once a frame. */
  tellChange(): void {
    if (this.changed) return;
    this.changed = true;
    requestAnimationFrame(() => {
      this.changed = false;
      this.emit("change", undefined);
    });
  }

  /** Do it, unless it cannot be, which is said; whether it was done. */
  commit(label: string, ops: readonly Op[], group?: string): boolean {
    if (this.readOnly || ops.length === 0) return false;
    try {
      return this.session.sync.commit(label, ops, group ? { group } : {}) !== null;
    } catch (error) {
      if (!(error instanceof OpFailed)) throw error;
      this.say({ text: error.message, tone: "warning" });
      return false;
    }
  }

  say(said: Said): void {
    this.emit("said", said);
  }

  addNode(type: string, options: AddOptions): string | null {
    return this.add(type, options);
  }

  addNote(options: AddOptions = {}): string | null {
    return this.add("note", options, NOTE_SIZE);
  }

  connect(from: NodeEnd, to: string): void {
    const why = this.canConnect(from, to);
    if (why !== true) this.say({ text: why, tone: "warning" });
    else this.commit("Connect", [{ op: "add_edge", edge: edgeBetween(from.node, from.port, to) }]);
  }

  reconnect(id: string, end: { from: NodeEnd } | { to: string }): void {
    const edge = this.model.edges.get(id);
    if (!edge) return;
    const from = "from" in end ? end.from : sourceOf(edge);
    const to = "to" in end ? end.to : edge.to;
    const why = this.canConnect(from, to, id);
    if (why !== true) this.say({ text: why, tone: "warning" });
    else {
      const next = edgeBetween(from.node, from.port, to);
      this.commit("Connect elsewhere", [{ op: "remove_edge", edge }, { op: "add_edge", edge: next }]);
    }
  }

  /** A node that was dropped on a wire goes into it. */
  splice(node: string, id: string): void {
    const edge = this.model.edges.get(id);
    const [out] = this.nodes().find((info) => info.id === node)?.ports ?? [];
    if (!edge || !out) return;
    const into = this.canConnect(sourceOf(edge), node, id);
    const onward = this.canConnect({ node, port: out.name }, edge.to, id);
    const why = into === true ? onward : into;
    if (why !== true) {
      this.say({ text: why, tone: "warning" });
      return;
    }
    this.commit("Put a node into a wire", [
      { op: "remove_edge", edge },
      { op: "add_edge", edge: { from: edge.from, to: node } },
      { op: "add_edge", edge: edgeBetween(node, out.name, edge.to) },
    ]);
  }

  remove(selection: Selection): void {
    const { healed, ...composed } = removed(this.model, selection.nodes, selection.edges);
    if (this.do(composed) && healed > 0) {
      const what = healed === 1 ? "Its neighbours are" : "The neighbours are";
      this.say({ text: `${done(composed.label)}. ${what} connected now.`, undo: true });
    }
  }

  duplicate(ids: readonly string[]): void {
    const copies = duplicateNodes(this.model, ids);
    if (this.do(copies)) this.select([...copies.ids.values()]);
  }

  async copy(to?: DataTransfer): Promise<void> {
    const { nodes } = this.selection();
    if (nodes.length === 0) return;
    const { text, leftOut } = copyNodes(this.model, nodes, {});
    if (to) to.setData("text/plain", text);
    else await navigator.clipboard.writeText(text);
    const secrets = leftOut.length > 0 ? " without what is secret in them" : "";
    this.say({ text: `Copied ${nodes.length === 1 ? "1 node" : `${nodes.length} nodes`}${secrets}.` });
  }

  async cut(to?: DataTransfer): Promise<void> {
    const selection = this.selection();
    await this.copy(to);
    this.remove({ nodes: selection.nodes, edges: [] });
  }

  async paste(text?: string): Promise<true | string> {
    const given = text ?? (await clipboardText());
    if (given === null) return "The browser does not show what is in the clipboard. Press Ctrl+V.";
    const found = await recognise(given, (unread) => readOnServer(this.flow, unread));
    if (found.kind === "nothing") return found.message;
    const centre = this.canvas.visibleCentre();
    const at = { x: Math.round(centre.x / 10) * 10 - 120, y: Math.round(centre.y / 10) * 10 - 40 };
    const { parent } = this.singleParent();
    const pasted = pasteClip(this.model, withPlaces(found.clip, at), { at, parent });
    if (!this.do(pasted)) return "It could not be pasted.";
    this.select([...pasted.ids.values()]);
    const [note] = found.notes;
    this.say({ text: note ? `${done(pasted.label)}. ${note}` : `${done(pasted.label)}.`, undo: true });
    return true;
  }

  undo(): void {
    const stepped = this.session.history.undo();
    if (stepped && stepped.skipped.length > 0) this.say({ text: stepped.message, tone: "warning" });
  }

  redo(): void {
    const stepped = this.session.history.redo();
    if (stepped && stepped.skipped.length > 0) this.say({ text: stepped.message, tone: "warning" });
  }

  setName(name: string): void {
    this.commit("Rename the flow", [{ op: "set_flow", path: ["name"], value: name }]);
  }

  setTitle(id: string, title: string): void {
    const path = ["label"];
    const op: Op = title ? { op: "set", node: id, path, value: title } : { op: "set", node: id, path };
    this.commit("Rename a node", [op]);
  }

  renameId(id: string, to: string): void {
    this.commit(`Call “${id}” “${to}”`, [{ op: "rename_node", node: id, to }]);
  }

  moveInto(ids: readonly string[], container: string | null, places?: ReadonlyMap<string, Place>): void {
    const moved = movedInto(this.model, ids, container, places ?? this.within(ids, container));
    if (this.do(moved) && moved.cut > 0) {
      const wires = moved.cut === 1 ? "One wire" : `${moved.cut} wires`;
      this.say({ text: `${wires} would cross the wall and went.`, undo: true });
    }
  }

  toggleDisabled(ids: readonly string[]): void {
    const off = ids.some((id) => !this.model.nodes.get(id)?.disabled);
    const path = ["disabled"];
    const ops = ids.map((id): Op => off ? { op: "set", node: id, path, value: true } : { op: "set", node: id, path });
    this.commit(off ? `Disable ${counted(ids)}` : `Enable ${counted(ids)}`, ops);
  }

  togglePin(ids: readonly string[]): void {
    const pinned = ids.filter((id) => this.model.pins.has(id));
    if (pinned.length === ids.length) {
      this.commit(`Unpin ${counted(ids)}`, ids.map((id): Op => ({ op: "pin", node: id, value: null })));
    } else void this.pin(ids.filter((id) => !this.model.pins.has(id)));
  }

  frameSelection(): void {
    const boxes = this.selection().nodes.flatMap((id) => this.canvas.rect(id) ?? []);
    if (boxes.length === 0) return;
    const x = Math.min(...boxes.map((box) => box.x)) - FRAME_ROOM;
    const y = Math.min(...boxes.map((box) => box.y)) - FRAME_ROOM - FRAME_HEAD;
    const width = Math.max(...boxes.map((box) => box.x + box.width)) + FRAME_ROOM - x;
    const height = Math.max(...boxes.map((box) => box.y + box.height)) + FRAME_ROOM - y;
    this.add("note", { parent: null }, { x, y, width, height }, { frame: true });
  }

  async tidy(scope: "all" | "selection"): Promise<void> {
    const { tidy } = await import("../layout");
    const cards = [...this.model.nodes.values()].flatMap((entry) => {
      const rect = this.canvas.rect(entry.id);
      const place = this.model.places.get(entry.id);
      if (!rect) return [];
      const size = this.canvas.element(entry.id);
      const height = size?.offsetHeight || rect.height;
      const { x, y } = place ?? rect;
      const card = { id: entry.id, x, y, width: size?.offsetWidth || rect.width, height, fixed: entry.type === "note" };
      return [entry.parent ? { ...card, parent: entry.parent } : card];
    });
    const wires = this.edges().map(({ source, target }) => ({ source, target }));
    const chosen = scope === "selection" ? new Set(this.selection().nodes) : undefined;
    const places = await tidy(cards, wires, chosen);
    this.parts.keeper.glides = true;
    this.commit(scope === "all" ? "Tidy up" : "Tidy up the selection", placed(this.model, places));
    this.parts.keeper.glides = false;
    this.canvas.fit(chosen);
  }

  startFrom(document: unknown): void {
    const { nodes, edges = [], layout = {}, description, settings } = document as FlowDocument;
    const { ops } = removed(this.model, [...this.model.nodes.keys()], []);
    const all: Op[] = [...ops.filter((op) => op.op !== "add_edge")];
    if (description) all.push({ op: "set_flow", path: ["description"], value: description });
    if (settings) all.push({ op: "set_flow", path: ["settings"], value: settings });
    for (const node of nodes) all.push({ op: "add_node", node, place: layout[node.id] ?? null });
    for (const edge of edges) all.push({ op: "add_edge", edge });
    if (this.commit("Start from a template", all)) this.canvas.fit();
  }

  select(nodes: readonly string[], edges: readonly string[] = []): void {
    this.canvas.select(nodes, edges);
  }

  selectAll = (): void => this.canvas.select(this.model.nodes.keys(), this.model.edges.keys());
  fit = (ids?: readonly string[]): void => this.canvas.fit(ids);
  zoomTo = (zoom: number): void => this.canvas.zoomTo(zoom);
  zoomBy = (factor: number): void => this.canvas.zoomBy(factor);
  toggleMinimap = (): void => this.canvas.toggleMinimap();
  startConnect = (from: NodeEnd): void => this.canvas.startConnect(from.node, from.port);
  openSettings = (id: string, path?: string): void => this.parts.openSettings(id, path);

  focusNode(id: string): void {
    if (!this.canvas.element(id)) return;
    this.canvas.select([id]);
    this.canvas.centre(id);
    this.canvas.focus(id);
  }

  focusCanvas(): void {
    document.querySelector<HTMLElement>("[data-canvas]")?.focus({ preventScroll: true });
  }

  rename(id: string): void {
    const card = this.canvas.element(id);
    const entry = this.model.nodes.get(id);
    if (card && entry) renameOnCard(card, titleOf(entry), (title) => this.setTitle(id, title));
  }

  flush(): Promise<boolean> {
    const { sync } = this.session;
    const settled = (state: SyncState): boolean => state.kind !== "saving";
    if (settled(sync.state)) return Promise.resolve(sync.state.kind === "saved");
    return new Promise((resolve) => {
      const stop = this.on("saved", (state) => state.kind !== "saving" && end(state.kind === "saved"));
      const timer = setTimeout(() => end(false), FLUSH_WITHIN);
      const end = (saved: boolean): void => {
        clearTimeout(timer);
        stop();
        resolve(saved);
      };
    });
  }

  async run(fields: FormData): Promise<RunAnswer> {
    if (!(await this.flush())) return { message: "The server does not have all changes yet. Try again in a moment." };
    return this.runs.start(fields);
  }

  stop(): void {
    void this.runs.stop();
  }

  runNode(id: string): void {
    void this.runPart("only", id);
  }

  runTo(id: string): void {
    void this.runPart("until", id);
  }

  async publish(note: string): Promise<{ version: number } | { message: string }> {
    if (!(await this.flush())) return { message: "The server does not have all changes yet. Try again in a moment." };
    return postPublish(note);
  }

  openVersions(): void {
    location.assign(`/flows/${this.flow}/versions/`);
  }

  private do({ label, ops }: Composed): boolean {
    return this.commit(label, ops);
  }

  private add(
    name: string,
    options: AddOptions,
    place?: Partial<Place>,
    config?: Record<string, Json>,
  ): string | null {
    const type = nodeTypes().get(name);
    if (!type || this.readOnly) return null;
    if (type.once && [...this.model.nodes.values()].some((node) => node.type === name)) {
      this.say({ text: `A flow has one “${type.title}”, and it is there already.`, tone: "warning" });
      return null;
    }
    const spot = spotFor(this.model, this.canvas, options);
    const edge = options.onEdge === undefined ? undefined : this.model.edges.get(options.onEdge);
    const { id, ...composed } = added(this.model, {
      type,
      place: { ...spot.place, ...place },
      parent: spot.parent,
      ...(config ? { config: { ...(type.defaults as Record<string, Json>), ...config } } : {}),
      ...(options.after ? { after: options.after } : {}),
      ...(options.before ? { before: options.before } : {}),
      ...(edge ? { onEdge: edge } : {}),
    });
    if (!this.do(composed)) return null;
    this.canvas.select([id]);
    this.canvas.focus(id);
    return id;
  }

  private async pin(ids: readonly string[]): Promise<void> {
    const ops: Op[] = [];
    let message = "";
    for (const id of ids) {
      const found = await this.runs.outputOf(id);
      if ("value" in found) ops.push({ op: "pin", node: id, value: found.value });
      else ({ message } = found);
    }
    if (ops.length > 0) this.commit(`Pin ${counted(ops.map(String))}`, ops);
    if (message) this.say({ text: message, tone: "warning" });
    else this.say({ text: "Pinned: runs from here take this output, and do not run the node.", undo: true });
  }

  private async runPart(kind: "only" | "until", id: string): Promise<void> {
    const fields = new FormData();
    fields.set(kind, id);
    const answer = await this.run(fields);
    if ("message" in answer) this.say({ text: answer.message, tone: "warning" });
    else if ("form" in answer) {
      this.say({ text: "Run the flow once with its inputs: they are taken for this too.", tone: "warning" });
    }
  }

  /** The container that all of the selection is in, for what is pasted. */
  private singleParent(): { parent: string | null } {
    const parents = new Set(this.selection().nodes.map((id) => this.model.nodes.get(id)?.parent ?? null));
    const [only] = parents;
    return { parent: parents.size === 1 ? (only ?? null) : null };
  }

  /** Places inside a container's box for what is put there without being dragged. */
  private within(ids: readonly string[], container: string | null): Map<string, Place> {
    const box = container === null ? null : this.canvas.rect(container);
    if (!box) return new Map();
    const places = ids.map((id, index): [string, Place] => [
      id,
      { x: Math.round(box.x + 40), y: Math.round(box.y + box.height + 30 + index * 130) },
    ]);
    return new Map(places);
  }
}

function counted(ids: readonly unknown[]): string {
  return ids.length === 1 ? "a node" : `${ids.length} nodes`;
}

/** A step's name as what was done: "Delete 3 nodes" → "Deleted 3 nodes". */
function done(label: string): string {
  return label.replace(/^(\w+?)(e?)\b/, (_, stem: string, e: string) => `${stem}${e ? "ed" : "d"}`.replace(/^Pasted?$/, "Pasted"));
}

function withPlaces(clip: import("../clipboard").Clip, at: Place): import("../clipboard").Clip {
  if (Object.keys(clip.layout).length > 0) return clip;
  const layout = Object.fromEntries(clip.nodes.map((node, index) => [node.id, { x: at.x, y: at.y + index * 130 }]));
  return { ...clip, layout };
}

async function clipboardText(): Promise<string | null> {
  try {
    return await navigator.clipboard.readText();
  } catch {
    return null;
  }
}

