// A flow's draft in the browser: what it holds, and changes that are applied wholly or not at all.
import { OpFailed, perform, plainNode } from "./apply.ts";
import { alsoTouched, Draft } from "./draft.ts";
import type { Touched } from "./draft.ts";
import { edgeKey, plainEdge } from "./ops.ts";
import type { EdgeEntry, FlowDocument, FlowHead, Json, NodeEntry, Op, Place } from "./ops.ts";
import { frozen } from "./values.ts";

export { OpFailed } from "./apply.ts";
export type { Touched } from "./draft.ts";

/** `inverse` undoes the operations; `restore` takes exactly this back, while it is the newest. */
export interface Outcome {
  readonly inverse: Op[];
  readonly touched: Touched;
  readonly restore: () => Touched;
}

export interface Failure {
  readonly op: Op;
  readonly error: OpFailed;
}

/** `done` was applied, `failed` was not; a taken id fails the whole change. */
export interface Attempt extends Outcome {
  readonly done: Op[];
  readonly failed: Failure[];
}

export class FlowModel {
  private readonly draft = new Draft();

  constructor(document?: FlowDocument, pins: Readonly<Record<string, Json>> = {}) {
    if (document) this.load(document, pins);
  }

  get nodes(): ReadonlyMap<string, NodeEntry> {
    return this.draft.nodes;
  }

  /** By key: `from>to`. */
  get edges(): ReadonlyMap<string, EdgeEntry> {
    return this.draft.edges;
  }

  get places(): ReadonlyMap<string, Place> {
    return this.draft.places;
  }

  get pins(): ReadonlyMap<string, Json> {
    return this.draft.pins;
  }

  get head(): FlowHead {
    return this.draft.head;
  }

  /** The keys of the edges that begin or end at a node. */
  wiresOf(id: string): ReadonlySet<string> {
    return this.draft.wiresOf(id);
  }

  /** The ids of the nodes directly in a container. */
  childrenOf(id: string): ReadonlySet<string> {
    return this.draft.childrenOf(id);
  }

  /** The nodes with all that is in them, each once, outer ones first. */
  withInside(ids: Iterable<string>): Set<string> {
    const all = new Set<string>();
    const todo = [...ids].filter((id) => this.nodes.has(id));
    for (let id = todo.shift(); id !== undefined; id = todo.shift()) {
      if (all.has(id)) continue;
      all.add(id);
      todo.push(...this.childrenOf(id));
    }
    return all;
  }

  /** All operations, or none: raises OpFailed with the index of the first that cannot be. */
  apply(ops: readonly Op[]): Outcome {
    const attempt = this.attempt(ops, true);
    const [failure] = attempt.failed;
    if (failure) throw failure.error;
    return attempt;
  }

  /** Those operations that can be applied, in their order. */
  applyEach(ops: readonly Op[]): Attempt {
    return this.attempt(ops, false);
  }

  /** Another state, as the server has it; answers with what differs from before. */
  load(document: FlowDocument, pins: Readonly<Record<string, Json>>): Touched {
    const { draft } = this;
    draft.begin();
    for (const key of [...draft.edges.keys()]) draft.putEdge(key, undefined);
    for (const id of [...draft.nodes.keys()]) draft.putNode(id, undefined);
    for (const id of [...draft.places.keys()]) draft.putPlace(id, undefined);
    for (const id of [...draft.pins.keys()]) draft.putPin(id, undefined);
    for (const node of document.nodes) draft.putNode(node.id, plainNode(node));
    for (const edge of document.edges ?? []) {
      draft.putEdge(edgeKey(edge), frozen(plainEdge(edge)));
    }
    for (const [id, place] of Object.entries(document.layout ?? {})) {
      if (draft.nodes.has(id)) draft.putPlace(id, frozen(place));
    }
    for (const [id, value] of Object.entries(pins)) {
      if (draft.nodes.has(id) && value !== null) draft.putPin(id, frozen(value));
    }
    const { name, description = "", settings = {} } = document;
    draft.putHead(frozen({ name, description, settings }));
    return draft.begin().touched;
  }

  /** The draft as a document, nodes and edges in their order. */
  document(): FlowDocument {
    const { name, description, settings } = this.head;
    return {
      schema: "fluxprompt.flow/v1",
      name,
      ...(description ? { description } : {}),
      ...(Object.keys(settings).length > 0 ? { settings } : {}),
      nodes: [...this.nodes.values()],
      ...(this.edges.size > 0 ? { edges: [...this.edges.values()] } : {}),
      ...(this.places.size > 0 ? { layout: Object.fromEntries(this.places) } : {}),
    };
  }

  private attempt(ops: readonly Op[], whole: boolean): Attempt {
    const { draft } = this;
    draft.begin();
    const inverses: Op[][] = [];
    const done: Op[] = [];
    const failed: Failure[] = [];
    for (const [index, op] of ops.entries()) {
      try {
        inverses.push(perform(draft, op));
        done.push(op);
      } catch (error) {
        if (!(error instanceof OpFailed)) throw this.undone(error);
        error.index = index;
        failed.push({ op, error });
        if (!whole && error.code !== "id_taken") continue;
        draft.back();
        draft.begin();
        const none = { inverse: [], done: [], failed: [failed.at(-1) as Failure] };
        return { ...none, ...this.kept() };
      }
    }
    return { inverse: inverses.reverse().flat(), done, failed, ...this.kept() };
  }

  /** A mistake of ours must not leave half a change behind. */
  private undone(error: unknown): unknown {
    this.draft.back();
    this.draft.begin();
    return error;
  }

  private kept(): { touched: Touched; restore: () => Touched } {
    const { journal, touched } = this.draft.begin();
    const restore = (): Touched => {
      while (journal.length > 0) journal.pop()?.();
      return touched;
    };
    return { touched, restore };
  }
}

/** What two changes touched together. */
export function together(...all: readonly Touched[]): Touched {
  const [first, ...others] = all;
  const sum: Touched = {
    nodes: new Set(first?.nodes),
    edges: new Set(first?.edges),
    places: new Set(first?.places),
    head: first?.head ?? false,
    order: first?.order ?? false,
  };
  for (const other of others) alsoTouched(sum, other);
  return sum;
}
