// The editor's actions in memory, for the tests of what is around the canvas: no server, no kernel.
import type {
  AddOptions, EdgeInfo, EditorActions, EditorEvents, NodeEnd, NodeInfo, PortInfo, RunAnswer, RunState, Selection,
} from "./actions";
import { newCard, nodeTypes } from "./node-types";

interface DocumentNode {
  id: string;
  type: string;
  label?: string;
  parent?: string;
  config?: { cases?: { name: string }[] };
}

interface Draft {
  name?: string;
  nodes?: DocumentNode[];
  edges?: { from: string; to: string }[];
}

interface State {
  name: string;
  nodes: NodeInfo[];
  edges: EdgeInfo[];
  places: Record<string, { x: number; y: number }>;
}

type Hearers = { [E in keyof EditorEvents]: Set<(value: EditorEvents[E]) => void> };

/** Undo by whole states; what is not of this page is only noted in `calls`. */
export class TryActions implements EditorActions {
  readonly readOnly = document.querySelector("[data-read-only]") !== null;
  readonly flow = document.querySelector<HTMLElement>("[data-editor]")?.dataset["flow"] ?? "";
  readonly calls: string[] = [];
  runAnswer: RunAnswer = { run: "a-run" };
  private state: State;
  private selected: Selection = { nodes: [], edges: [] };
  private done: { label: string; state: State }[] = [];
  private undone: { label: string; state: State }[] = [];
  private running: RunState = { kind: "idle" };
  private clipboard: NodeInfo[] = [];
  private readonly hearers: Hearers = {
    change: new Set(), selection: new Set(), history: new Set(), saved: new Set(), people: new Set(),
    conflicts: new Set(), run: new Set(), asked: new Set(), said: new Set(),
  };

  constructor() {
    const block = JSON.parse(document.getElementById("flow-state")?.textContent ?? "{}") as { document: Draft };
    this.state = read(block.document);
    for (const card of this.cards()) {
      const id = card.dataset["node"] ?? "";
      this.state.places[id] = { x: Number(card.dataset["x"]), y: Number(card.dataset["y"]) };
    }
    this.draw();
    document.addEventListener("contextmenu", (event) => this.onMenu(event));
    document.addEventListener("click", (event) => {
      const id = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-canvas] [data-node]")?.dataset["node"] : null;
      if (id) this.select([id]);
    });
  }

  onMenu: (event: MouseEvent) => void = () => undefined;

  nodes = (): readonly NodeInfo[] => this.state.nodes;
  types = (): ReadonlySet<string> => new Set(this.state.nodes.map((node) => node.type));
  edges = (): readonly EdgeInfo[] => this.state.edges;
  selection = (): Selection => this.selected;
  name = (): string => this.state.name;
  runState = (): RunState => this.running;
  undoLabel = (): string | null => this.done.at(-1)?.label ?? null;
  redoLabel = (): string | null => this.undone.at(-1)?.label ?? null;

  canConnect(from: NodeEnd, to: string): true | string {
    const exists = this.state.edges.some((edge) => edge.source === from.node && edge.port === from.port && edge.target === to);
    return exists ? "They are connected already." : true;
  }

  on<E extends keyof EditorEvents>(event: E, hear: (value: EditorEvents[E]) => void): () => void {
    this.hearers[event].add(hear);
    return () => this.hearers[event].delete(hear);
  }

  emit<E extends keyof EditorEvents>(event: E, value: EditorEvents[E]): void {
    for (const hear of this.hearers[event]) hear(value);
  }

  addNode(type: string, options: AddOptions): string | null {
    this.calls.push(`addNode ${type} ${JSON.stringify(options)}`);
    const known = nodeTypes().get(type);
    if (!known) return null;
    let id = type;
    for (let next = 2; this.state.nodes.some((node) => node.id === id); next += 1) id = `${type}_${next}`;
    this.change(`add ${known.title}`, (state) => {
      state.nodes.push({
        id, title: known.title, type, category: known.category, parent: options.parent ?? null, holds: known.holds,
        broken: false, disabled: false, pinned: false, state: "", ports: known.ports, takesInput: known.takesInput,
      });
      const edge = state.edges.find((each) => each.id === options.onEdge);
      if (options.after) state.edges.push(wire(options.after, id));
      if (edge) state.edges.splice(state.edges.indexOf(edge), 1, wire({ node: edge.source, port: edge.port }, id), wire({ node: id, port: "out" }, edge.target));
      const box = document.querySelector("[data-canvas]")?.getBoundingClientRect();
      const client = options.client ?? { x: 700, y: 420 };
      state.places[id] = options.at ?? { x: client.x - (box?.left ?? 0) - 120 - OFFSET, y: client.y - (box?.top ?? 0) - 24 - OFFSET };
    });
    this.select([id]);
    return id;
  }

  addNote = (options: AddOptions = {}): string | null => this.addNode("note", options);

  connect(from: NodeEnd, to: string): void {
    this.change("connect", (state) => state.edges.push(wire(from, to)));
  }

  remove(selection: Selection, heal = true): void {
    this.calls.push(`remove${heal ? "" : " leaving a gap"}`);
    const nodes = new Set(selection.nodes);
    this.change(`delete ${nodes.size} nodes`, (state) => {
      state.nodes = state.nodes.filter((node) => !nodes.has(node.id));
      state.edges = state.edges.filter((edge) => !nodes.has(edge.source) && !nodes.has(edge.target) && !selection.edges.includes(edge.id));
    });
    this.select([]);
    this.emit("said", { text: `Deleted ${nodes.size} nodes.`, undo: true });
  }

  duplicate(ids: readonly string[]): void {
    this.calls.push("duplicate");
    for (const node of this.state.nodes.filter((each) => ids.includes(each.id))) this.addNode(node.type, {});
  }

  async copy(to?: DataTransfer): Promise<void> {
    this.clipboard = this.state.nodes.filter((node) => this.selected.nodes.includes(node.id));
    this.calls.push("copy");
    to?.setData("text/plain", this.clipboard.map((node) => node.id).join(" "));
  }

  async cut(to?: DataTransfer): Promise<void> {
    await this.copy(to);
    this.remove(this.selected);
  }

  async paste(text?: string): Promise<true | string> {
    this.calls.push("paste");
    if (text === "nonsense") return "This is neither a flow nor a cURL command.";
    for (const node of this.clipboard) this.addNode(node.type, {});
    return true;
  }

  undo(): void {
    const step = this.done.pop();
    if (step) this.back(step, this.undone);
  }

  redo(): void {
    const step = this.undone.pop();
    if (step) this.back(step, this.done);
  }

  setName = (name: string): void => this.change("rename the flow", (state) => (state.name = name));
  setTitle = (id: string, title: string): void => this.edit("rename", [id], (node) => (node.title = title));

  moveInto(ids: readonly string[], container: string | null): void {
    this.edit("move", ids, (node) => (node.parent = container));
    const title = this.state.nodes.find((node) => node.id === container)?.title;
    this.emit("said", { text: title ? `Moved into “${title}”.` : "Moved out of the container.", undo: true });
  }

  toggleDisabled = (ids: readonly string[]): void => this.edit("turn off", ids, (node) => (node.disabled = !node.disabled));
  togglePin = (ids: readonly string[]): void => this.edit("pin", ids, (node) => (node.pinned = !node.pinned));
  startFrom = (document: unknown): void => this.change("start from a template", (state) => Object.assign(state, read(document as Draft)));

  select(nodes: readonly string[], edges: readonly string[] = []): void {
    this.selected = { nodes, edges };
    for (const card of this.cards()) card.toggleAttribute("data-selected", nodes.includes(card.dataset["node"] ?? ""));
    this.emit("selection", this.selected);
  }

  selectAll = (): void => this.select(this.state.nodes.map((node) => node.id));
  frameSelection = (): void => this.note("frame");
  tidy = (scope: string): boolean => {
    this.note(`tidy ${scope}`);
    return true;
  };
  fit = (ids?: readonly string[]): void => this.note(`fit ${ids?.join(" ") ?? "all"}`);
  zoomTo = (zoom: number): void => this.note(`zoomTo ${zoom}`);
  zoomBy = (factor: number): void => this.note(`zoomBy ${factor}`);
  toggleMinimap = (): void => this.note("minimap");
  openSettings = (id: string, path = ""): void => this.note(`settings ${id} ${path}`.trim());
  rename = (id: string): void => this.note(`rename ${id}`);
  startConnect = (from: NodeEnd): void => this.note(`startConnect ${from.node}.${from.port}`);
  runNode = (id: string): void => this.note(`runNode ${id}`);
  runTo = (id: string): void => this.note(`runTo ${id}`);
  runFrom = (id: string): void => this.note(`runFrom ${id}`);
  openVersions = (): void => this.note("versions");
  openSharing = (): void => this.note("sharing");

  focusNode(id: string): void {
    this.note(`focus ${id}`);
    this.select([id]);
    document.getElementById(`card-${id}`)?.focus();
  }

  focusCanvas(): void {
    document.querySelector<HTMLElement>("[data-canvas]")?.focus();
  }

  async flush(): Promise<boolean> {
    this.calls.push("flush");
    return true;
  }

  async run(fields: FormData): Promise<RunAnswer> {
    this.calls.push(`run ${JSON.stringify(Object.fromEntries(fields))}`);
    if ("run" in this.runAnswer) this.setRun({ kind: "running", id: this.runAnswer.run });
    return this.runAnswer;
  }

  stop(): void {
    this.setRun({ kind: "idle" });
  }

  async publish(note: string): Promise<{ version: number } | { message: string }> {
    this.calls.push(`publish ${note}`);
    return { version: 2 };
  }

  private setRun(state: RunState): void {
    this.running = state;
    this.emit("run", state);
  }

  private note(call: string): void {
    this.calls.push(call);
  }

  private edit(label: string, ids: readonly string[], how: (node: NodeInfo) => void): void {
    this.calls.push(label);
    this.change(label, (state) => state.nodes.filter((node) => ids.includes(node.id)).forEach(how));
  }

  private change(label: string, how: (state: State) => void): void {
    this.done.push({ label, state: structuredClone(this.state) });
    this.undone = [];
    how(this.state);
    this.changed();
  }

  private back(step: { label: string; state: State }, other: { label: string; state: State }[]): void {
    this.calls.push(other === this.undone ? "undo" : "redo");
    other.push({ label: step.label, state: this.state });
    this.state = step.state;
    this.changed();
  }

  private changed(): void {
    this.draw();
    this.emit("change", undefined);
    this.emit("history", undefined);
    this.emit("saved", { kind: "saved", kept: 0 });
  }

  private cards(): HTMLElement[] {
    return [...document.querySelectorAll<HTMLElement>("[data-canvas-cards] > [data-node]")];
  }

  private draw(): void {
    const place = document.querySelector("[data-canvas-cards]");
    for (const card of this.cards()) if (!this.state.nodes.some((node) => `card-${node.id}` === card.id)) card.remove();
    for (const node of this.state.nodes) {
      const card = document.getElementById(`card-${node.id}`) ?? newCard(node.type, node.id);
      if (!card) continue;
      const at = this.state.places[node.id] ?? { x: 0, y: 0 };
      card.style.transform = `translate(${at.x + OFFSET}px, ${at.y + OFFSET}px)`;
      place?.append(card);
    }
  }
}

/** Room at the top left of the pretended canvas. */
const OFFSET = 90;

function wire(from: NodeEnd, to: string): EdgeInfo {
  return { id: `${from.node}.${from.port}>${to}`, source: from.node, port: from.port, target: to };
}

function read(draft: Draft): State {
  const nodes = (draft.nodes ?? []).map((node): NodeInfo => {
    const type = nodeTypes().get(node.type);
    const cases = node.config?.cases?.map(({ name }): PortInfo => ({ name, label: name })) ?? [];
    return {
      id: node.id, title: node.label || type?.title || node.type, type: node.type, category: type?.category ?? "code",
      parent: node.parent ?? null, holds: type?.holds ?? false, broken: false, disabled: false, pinned: false,
      state: "", ports: [...cases, ...(type?.ports ?? [])], takesInput: type?.takesInput ?? true,
    };
  });
  const edges = (draft.edges ?? []).map(({ from, to }) => {
    const [node = "", port = "out"] = from.split(".");
    return wire({ node, port }, to);
  });
  return { name: draft.name ?? "", nodes, edges, places: {} };
}
