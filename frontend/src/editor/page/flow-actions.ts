// The editor's actions on a real flow: each becomes a change that is kept, sent, and can be undone.
import { around } from "../canvas/geometry";
import type { Canvas } from "../canvas/index";
import { OpFailed } from "../model";
import type { FlowModel } from "../model";
import { edgeBetween, sourceOf } from "../ops";
import type { FlowDocument, Op, Place } from "../ops";
import type { Session } from "../session";
import type { SyncState } from "../sync";
import type {
  AddOptions, EdgeInfo, EditorActions, EditorEvents, NodeEnd, NodeInfo, RunAnswer, RunState, Said, Selection,
} from "./actions";
import { Adding } from "./adding";
import type { CardKeeper } from "./card-keeper";
import { renameOnCard } from "./card-rename";
import { movedInto, named, placed, removed } from "./composing";
import { Clipping } from "./clipping";
import type { Composed } from "./composing";
import { canConnect } from "./connecting";
import { edgeInfo, nodeInfo, titleOf } from "./graph-info";
import type { Hands } from "./hands";
import { within } from "./placing";
import { postPublish, refusalOf } from "./requests";
import type { RunControl } from "./run-control";

type Hearers = { [E in keyof EditorEvents]: Set<(value: EditorEvents[E]) => void> };

const NOT_SAVED = "The server does not have all changes yet. Try again in a moment.";
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

export class FlowActions implements EditorActions, Hands {
  readonly flow: string;
  readonly readOnly: boolean;
  readonly model: FlowModel;
  readonly canvas: Canvas;
  private readonly adding = new Adding(this, this);
  private readonly clipping = new Clipping(this);
  private readonly session: Session;
  private readonly runs: RunControl;
  private changed = false;
  private readonly hearers: Hearers = {
    change: new Set(), selection: new Set(), history: new Set(), saved: new Set(), people: new Set(),
    conflicts: new Set(), run: new Set(), asked: new Set(), said: new Set(),
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
  undoLabel = (): string | null => bare(this.session.history.labels.undo);
  redoLabel = (): string | null => bare(this.session.history.labels.redo);

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

  addNode = (type: string, options: AddOptions): string | null => this.adding.node(type, options);
  addNote = (options: AddOptions = {}): string | null => this.adding.note(options);
  frameSelection = (): void => this.adding.frame(this.selection().nodes);
  splice = (node: string, edge: string, dragged: ReadonlyMap<string, Place>): void =>
    this.adding.splice(node, edge, dragged);
  duplicate = (ids: readonly string[]): void => this.clipping.duplicate(ids);
  copy = (to?: DataTransfer): Promise<void> => this.clipping.copy(to);
  cut = (to?: DataTransfer): Promise<void> => this.clipping.cut(to);
  paste = (text?: string): Promise<true | string> => this.clipping.paste(text);

  /** Cards stand at these places now, by one step. */
  moveTo(places: ReadonlyMap<string, Place>): void {
    if (places.size === 0) return;
    const what = places.size === 1 ? "a node" : `${places.size} nodes`;
    this.commit(`Move ${what}`, placed(this.model, places));
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

  remove(selection: Selection, heal = true): void {
    const { healed, ...composed } = removed(this.model, selection.nodes, selection.edges, heal);
    const joined = healed === 1 ? " Its neighbours are connected now." : " The neighbours are connected now.";
    this.do(composed, healed > 0 ? joined : "");
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
    const moved = movedInto(this.model, ids, container, places ?? within(this.model, this.canvas, ids, container));
    const wires = moved.cut === 1 ? "One wire" : `${moved.cut} wires`;
    this.do(moved, moved.cut > 0 ? ` ${wires} would cross the wall and went.` : "");
  }

  toggleDisabled(ids: readonly string[]): void {
    const off = ids.some((id) => !this.model.nodes.get(id)?.disabled);
    const path = ["disabled"];
    const ops = ids.map((id): Op => off ? { op: "set", node: id, path, value: true } : { op: "set", node: id, path });
    const what = named(this.model, ids);
    this.do({ label: `${off ? "Turn off" : "Turn on"} ${what}`, done: `${off ? "Turned off" : "Turned on"} ${what}`, ops });
  }

  togglePin(ids: readonly string[]): void {
    const pinned = ids.filter((id) => this.model.pins.has(id));
    if (pinned.length === ids.length) {
      const what = named(this.model, ids);
      const ops = ids.map((id): Op => ({ op: "pin", node: id, value: null }));
      this.do({ label: `Unpin ${what}`, done: `Unpinned ${what}`, ops });
    } else void this.pin(ids.filter((id) => !this.model.pins.has(id)));
  }

  async tidy(scope: "all" | "selection"): Promise<boolean> {
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
    const moved = this.commit(scope === "all" ? "Tidy up" : "Tidy up the selection", placed(this.model, places));
    this.parts.keeper.glides = false;
    // The cards are still on their way.
    const goal = cards.filter(({ id }) => chosen?.has(id) ?? true).map((card) => ({ ...card, ...places.get(card.id) }));
    const area = around(goal);
    if (area) this.canvas.fitArea(area);
    return moved;
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
    // The view is on its way there.
    this.canvas.focus(id, { reveal: false });
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
    if (!(await this.flush())) return { message: NOT_SAVED };
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

  runFrom(id: string, run?: string): void {
    const shown = run ?? this.runs.latest;
    if (shown) void this.runAgain(id, shown);
    else this.say({ text: "Run the flow once; then it can be run again from here.", tone: "warning" });
  }

  async publish(note: string): Promise<{ version: number } | { message: string }> {
    if (!(await this.flush())) return { message: NOT_SAVED };
    return postPublish(note);
  }

  openVersions(): void {
    location.assign(`/flows/${this.flow}/versions/`);
  }

  openSharing(): void {
    location.assign(`/flows/${this.flow}/sharing/`);
  }

  /** Do it and say so, with what else came of it; whether it was done. */
  private do({ label, done, ops }: Composed, more = ""): boolean {
    const isDone = this.commit(label, ops);
    if (isDone) this.say({ text: `${done}.${more}`, undo: true });
    return isDone;
  }

  private async pin(ids: readonly string[]): Promise<void> {
    const ops: Op[] = [];
    let message = "";
    for (const id of ids) {
      const found = await this.runs.outputOf(id);
      if ("value" in found) ops.push({ op: "pin", node: id, value: found.value });
      else ({ message } = found);
    }
    const what = named(this.model, ops.flatMap((op) => (op.op === "pin" ? [op.node] : [])));
    const effect = " Runs take this output and do not run the node.";
    if (ops.length > 0) this.do({ label: `Pin ${what}`, done: `Pinned ${what}`, ops }, message ? ` ${message}` : effect);
    else if (message) this.say({ text: message, tone: "warning" });
  }

  private async runPart(kind: "only" | "until", id: string): Promise<void> {
    const fields = new FormData();
    fields.set(kind, id);
    this.hearAnswer(await this.run(fields), { [kind]: id, asked: "1" });
  }

  private async runAgain(id: string, run: string): Promise<void> {
    if (!this.readOnly && !(await this.flush())) this.say({ text: NOT_SAVED, tone: "warning" });
    else this.hearAnswer(await this.runs.again(id, run), { from: id, run, asked: "1" });
  }

  /** What was refused as a whole is said; what lacks inputs asks for them. */
  private hearAnswer(answer: RunAnswer, along: Readonly<Record<string, string>>): void {
    if ("run" in answer) this.say({ text: "The run has started." });
    else if ("message" in answer) this.say({ text: answer.message, tone: "warning" });
    else {
      const refused = refusalOf(answer.form);
      if (refused) this.say({ text: refused, tone: "warning" });
      else this.emit("asked", { form: answer.form, along });
    }
  }
}

/** What a step did, without "Undo: " before it. */
function bare(label: string | null): string | null {
  return label?.replace(/^(Undo|Redo): /, "") ?? null;
}
