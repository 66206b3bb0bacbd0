// Which wires may be drawn; the server asks the same again, and has the last word.
import type { FlowModel } from "../model";
import { edgeBetween, edgeKey, sourceOf } from "../ops";
import type { NodeEnd } from "./actions";
import { titleOf } from "./graph-info";
import { nodeTypes } from "./node-types";

/** True, or a sentence on why not. `without` is an edge that would go at the same time. */
export function canConnect(
  model: FlowModel,
  from: NodeEnd,
  to: string,
  without?: string,
): true | string {
  const source = model.nodes.get(from.node);
  const target = model.nodes.get(to);
  if (!source || !target) return "One of the two nodes is not there any more.";
  if (from.node === to) return "A node cannot lead to itself. Put what repeats into a loop node.";
  if (nodeTypes().get(target.type)?.takesInput === false) {
    return `“${titleOf(target)}” begins the flow: nothing leads to it.`;
  }
  if (source.parent !== target.parent) {
    return "Wires do not cross the wall of a container. Move both to the same side of it.";
  }
  const key = edgeKey(edgeBetween(from.node, from.port, to));
  if (key !== without && model.edges.has(key)) return "They are connected already.";
  if (reaches(model, to, from.node, without)) {
    return "That would be a circle. Put what repeats into a loop node.";
  }
  return true;
}

/** Whether one node comes to another along the wires. */
function reaches(model: FlowModel, from: string, to: string, without?: string): boolean {
  const seen = new Set([from]);
  const todo = [from];
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    if (node === to) return true;
    for (const key of model.wiresOf(node)) {
      const edge = model.edges.get(key);
      if (!edge || key === without || sourceOf(edge).node !== node || seen.has(edge.to)) continue;
      seen.add(edge.to);
      todo.push(edge.to);
    }
  }
  return false;
}
