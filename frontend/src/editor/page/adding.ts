// Adds nodes, notes and frames to the flow, and puts nodes into wires.
import { edgeBetween, sourceOf } from "../ops";
import type { Json, Op, Place } from "../ops";
import type { AddOptions } from "./actions";
import { added, placed } from "./composing";
import type { FlowActions } from "./flow-actions";
import type { Hands } from "./hands";
import { newHeight, nodeTypes } from "./node-types";
import { betweenEnds, isFree, spotFor } from "./placing";

const NOTE_SIZE = { width: 240, height: 120 };
/** Pixels of a frame around what it holds, and above that for its title. */
const FRAME_ROOM = 30;
const FRAME_HEAD = 50;

export class Adding {
  constructor(
    private readonly hands: Hands,
    private readonly actions: Pick<FlowActions, "canConnect" | "nodes" | "moveTo">,
  ) {}

  node(type: string, options: AddOptions): string | null {
    return this.add(type, options, newHeight(type));
  }

  note(options: AddOptions): string | null {
    return this.add("note", { parent: null, ...options }, NOTE_SIZE.height, NOTE_SIZE);
  }

  /** Around these nodes, behind them. */
  frame(ids: readonly string[]): void {
    const { model, canvas } = this.hands;
    const held = [...model.withInside(ids)];
    const boxes = held.flatMap((id) => canvas.rect(id) ?? []);
    if (boxes.length === 0) return;
    const x = Math.min(...boxes.map((box) => box.x)) - FRAME_ROOM;
    const y = Math.min(...boxes.map((box) => box.y)) - FRAME_ROOM - FRAME_HEAD;
    const width = Math.max(...boxes.map((box) => box.x + box.width)) + FRAME_ROOM - x;
    const height = Math.max(...boxes.map((box) => box.y + box.height)) + FRAME_ROOM - y;
    const place = { x, y, width, height };
    if (this.add("note", { parent: null }, height, place, { frame: true })) {
      this.hands.say({ text: `Put a frame around ${ids.length === 1 ? "a node" : `${ids.length} nodes`}.`, undo: true });
    }
  }

  /** A node that was dropped on a wire goes into it, from where it was; what is too close makes room. */
  splice(node: string, id: string, dragged: ReadonlyMap<string, Place>): void {
    const { model, canvas } = this.hands;
    const edge = model.edges.get(id);
    const [out] = this.actions.nodes().find((info) => info.id === node)?.ports ?? [];
    if (!edge || !out) return this.actions.moveTo(dragged);
    const into = this.actions.canConnect(sourceOf(edge), node, id);
    const onward = this.actions.canConnect({ node, port: out.name }, edge.to, id);
    const why = into === true ? onward : into;
    if (why !== true) {
      this.actions.moveTo(dragged);
      this.hands.say({ text: why, tone: "warning" });
      return;
    }
    const box = canvas.rect(node);
    if (!box) return;
    const stays = isFree(model, canvas, edge, box, node);
    const spot = stays ? null : betweenEnds(model, canvas, edge, { id: node, height: box.height });
    const places = new Map([...dragged, ...(spot ? [...spot.others, [node, spot.place] as const] : [])]);
    const ops: Op[] = [
      { op: "remove_edge", edge },
      { op: "add_edge", edge: { from: edge.from, to: node } },
      { op: "add_edge", edge: edgeBetween(node, out.name, edge.to) },
      ...placed(model, places),
    ];
    if (this.hands.commit("Put a node into a wire", ops)) {
      this.hands.say({ text: "Put into the wire.", undo: true });
    }
  }

  private add(
    name: string,
    options: AddOptions,
    height: number,
    place?: Partial<Place>,
    config?: Record<string, Json>,
  ): string | null {
    const { model, canvas } = this.hands;
    const type = nodeTypes().get(name);
    if (!type || this.hands.readOnly) return null;
    if (type.once && [...model.nodes.values()].some((node) => node.type === name)) {
      this.hands.say({ text: `A flow has one “${type.title}”, and it is there already.`, tone: "warning" });
      return null;
    }
    const spot = spotFor(model, canvas, options, { height });
    const edge = options.onEdge === undefined ? undefined : model.edges.get(options.onEdge);
    const { id, label, ops } = added(model, {
      type,
      place: { ...spot.place, ...place },
      parent: spot.parent,
      others: place?.x === undefined ? spot.others : new Map(),
      ...(config ? { config: { ...(type.defaults as Record<string, Json>), ...config } } : {}),
      ...(options.after ? { after: options.after } : {}),
      ...(options.before ? { before: options.before } : {}),
      ...(edge ? { onEdge: edge } : {}),
    });
    if (!this.hands.commit(label, ops)) return null;
    canvas.select([id]);
    canvas.focus(id);
    return id;
  }
}
