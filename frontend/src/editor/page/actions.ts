// What the parts around the canvas ask of the editor, and what it tells them: the one door between.

/** Pixels: of the flow where a field is called `at`, of the window where it is called `client`. */
export interface Point {
  x: number;
  y: number;
}

/** An output port of a node. */
export interface NodeEnd {
  node: string;
  port: string;
}

export interface PortInfo {
  name: string;
  /** What a builder reads; empty: the name. */
  label: string;
}

/** A node as lists show it. */
export interface NodeInfo {
  id: string;
  title: string;
  type: string;
  category: string;
  parent: string | null;
  /** It is a container, whether or not something is in it. */
  holds: boolean;
  broken: boolean;
  disabled: boolean;
  pinned: boolean;
  /** Of the run that is shown; empty: none. */
  state: string;
  /** Output ports, in order; none for what gives nothing. */
  ports: readonly PortInfo[];
  takesInput: boolean;
}

export interface EdgeInfo {
  id: string;
  source: string;
  port: string;
  target: string;
}

export interface Selection {
  nodes: readonly string[];
  edges: readonly string[];
}

/** Where a new node goes: the first that is given of `onEdge`, `after`, `before`, `at`, `client`. */
export interface AddOptions {
  /** Put into this edge: its source and its target are connected through the new node. */
  onEdge?: string;
  /** Connected behind this port, and placed to the right of it unless a place is given. */
  after?: NodeEnd;
  /** Connected before this node. */
  before?: string;
  at?: Point;
  client?: Point;
  /** The container it is in; null: none. Left out: that of its neighbour. */
  parent?: string | null;
}

export interface SavedState {
  kind: "saved" | "saving" | "offline" | "refused";
  /** Changes that only this browser has. */
  kept: number;
  /** A sentence where more is to be said. */
  detail?: string;
}

export interface Person {
  tab: string;
  name: string;
  initial: string;
  selected: readonly string[];
}

export interface RunState {
  kind: "idle" | "starting" | "running" | "waiting";
  id?: string;
}

/** What came of asking for a run: it is under way, or a form with errors (HTML), or a sentence. */
export type RunAnswer = { run: string } | { form: string } | { message: string };

/** A form (HTML) that has to be filled in, and what is sent along with it. */
export interface AskedInputs {
  form: string;
  along: Readonly<Record<string, string>>;
}

/** Two changes that met: what was said, what the other wrote, and what may be done now. */
export interface ConflictNotice {
  id: string;
  message: string;
  node?: string;
  by?: string;
  theirs?: unknown;
  /** `run` answers false where nothing came of it: the notice stays. */
  actions: readonly { label: "Keep mine" | "Take theirs" | "Try again" | "Drop mine"; run(): boolean }[];
}

/** A sentence on what was done; `undo`: the last step of the history takes it back. */
export interface Said {
  text: string;
  undo?: boolean;
  tone?: "good" | "warning";
}

export interface EditorEvents {
  /** Nodes, edges, places or the flow's name changed, by whomever; comes at most once a frame. */
  change: void;
  selection: Selection;
  history: void;
  saved: SavedState;
  people: readonly Person[];
  conflicts: readonly ConflictNotice[];
  run: RunState;
  /** A part is to be run for which the server wants inputs first. */
  asked: AskedInputs;
  /** Something done on the canvas that people should hear of. */
  said: Said;
}

/** The editor as its panels, menus and keys see it. What changes the flow can be undone. */
export interface EditorActions {
  readonly readOnly: boolean;
  readonly flow: string;
  /** Nodes in graph order, what is in a container after it. */
  nodes(): readonly NodeInfo[];
  /** The types that there are nodes of. */
  types(): ReadonlySet<string>;
  edges(): readonly EdgeInfo[];
  selection(): Selection;
  name(): string;
  runState(): RunState;
  /** True, or a sentence that says why not. */
  canConnect(from: NodeEnd, to: string): true | string;
  undoLabel(): string | null;
  redoLabel(): string | null;
  on<E extends keyof EditorEvents>(event: E, hear: (value: EditorEvents[E]) => void): () => void;

  /** The new node's id, or null where it could not be added (which is said). It is selected. */
  addNode(type: string, options: AddOptions): string | null;
  addNote(options?: AddOptions): string | null;
  connect(from: NodeEnd, to: string): void;
  /**
   * Nodes go with their edges and with what is in them. A chain is healed where it can be, unless
   * `heal` is false. This and what follows says what was done.
   */
  remove(selection: Selection, heal?: boolean): void;
  duplicate(ids: readonly string[]): void;
  /** To the clipboard that came with an event, else to the system's. */
  copy(to?: DataTransfer): Promise<void>;
  cut(to?: DataTransfer): Promise<void>;
  /** Without a text: the system clipboard's. True, or a sentence that says why not. */
  paste(text?: string): Promise<true | string>;
  undo(): void;
  redo(): void;
  setName(name: string): void;
  /** Change what a node is called on its card (its label). */
  setTitle(id: string, title: string): void;
  /** Into a container, or out of all (null). */
  moveInto(ids: readonly string[], container: string | null): void;
  toggleDisabled(ids: readonly string[]): void;
  togglePin(ids: readonly string[]): void;
  frameSelection(): void;
  /** Whether anything was moved. */
  tidy(scope: "all" | "selection"): Promise<boolean> | boolean;
  /** All of the flow becomes this document, in one step. */
  startFrom(document: unknown): void;

  select(nodes: readonly string[], edges?: readonly string[]): void;
  selectAll(): void;
  fit(ids?: readonly string[]): void;
  zoomTo(zoom: number): void;
  zoomBy(factor: number): void;
  toggleMinimap(): void;
  /** Selects the node, brings it into view and gives it the focus. */
  focusNode(id: string): void;
  /** Puts the focus back on the canvas. */
  focusCanvas(): void;
  /** The inspector, at a field where a path such as `config.prompt` is given. */
  openSettings(id: string, path?: string): void;
  /** Rename the node where it stands: in its card or in the inspector. */
  rename(id: string): void;
  /** Keyboard connecting on the canvas, from this port. */
  startConnect(from: NodeEnd): void;

  /** Waits until the server has all changes of this tab; false: it cannot be reached. */
  flush(): Promise<boolean>;
  /** `fields` is the run's form; everything is saved before. */
  run(fields: FormData): Promise<RunAnswer>;
  stop(): void;
  runNode(id: string): void;
  /** Up to this node and no further. */
  runTo(id: string): void;
  /** From this node on again; what was before it in the run that is shown is taken over. */
  runFrom(id: string): void;
  /** The new version's number, or a sentence that says why not. */
  publish(note: string): Promise<{ version: number } | { message: string }>;
  openVersions(): void;
  /** Where people say who sees the flow. */
  openSharing(): void;
}
