// What is selected and what has the focus stays with its node where nodes get other names.
import type { Canvas } from "../canvas/index";
import { renamedEdge } from "../names";
import { edgeKey } from "../ops";

type Names = ReadonlyMap<string, string>;

/**
 * Note what is selected before the canvas shows the new names; the answer selects it again. Another
 * node may have the old name by then: it must not be what the next key changes.
 */
export function sameNodes(canvas: Canvas, names: Names): () => void {
  const { selection, selectedEdges, focused } = canvas;
  const nodes = [...selection].map((id) => names.get(id) ?? id);
  const edges = [...selectedEdges].map((key) => renamedKey(key, names));
  const isSame = nodes.every((id) => selection.has(id)) && edges.every((key) => selectedEdges.has(key));
  return () => {
    if (!isSame) canvas.select(nodes, edges);
    const to = focused === null ? undefined : names.get(focused);
    if (to !== undefined) canvas.focus(to, { reveal: false });
  };
}

function renamedKey(key: string, names: Names): string {
  const [from = "", to = ""] = key.split(">");
  return edgeKey(renamedEdge({ from, to }, names));
}
