// The flow as a tree: containers hold their nodes, a branch holds what only it leads to.
import type { EdgeInfo, NodeInfo } from "./actions";

export interface TreeItem {
  /** Unique in the tree: the node's id, or `id.port` of a branch. */
  key: string;
  node: NodeInfo | null;
  /** Of a branch: the port's name for people. */
  branch: string;
  children: TreeItem[];
}

/**
 * Nodes in graph order. A node is under a branch where every way to it leads through that branch;
 * where branches meet again it is beside the node that forks.
 */
export function outlineTree(nodes: readonly NodeInfo[], edges: readonly EdgeInfo[]): TreeItem[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const items = new Map<string, TreeItem>();
  const roots: TreeItem[] = [];
  const paths = branchPaths(nodes, edges, byId);
  for (const node of nodes) {
    items.set(node.id, { key: node.id, node, branch: "", children: [] });
  }
  for (const node of nodes) {
    const item = items.get(node.id);
    const fork = node.ports.length > 1 ? node.ports : [];
    for (const port of fork) {
      const branch = { key: `${node.id}.${port.name}`, node: null, branch: port.label || port.name, children: [] };
      items.set(branch.key, branch);
      item?.children.push(branch);
    }
  }
  for (const node of nodes) {
    const item = items.get(node.id);
    if (!item) continue;
    const within = paths.get(node.id) ?? [];
    const owner = items.get(within[within.length - 1] ?? "") ?? items.get(node.parent ?? "");
    (owner?.children ?? roots).push(item);
  }
  return roots;
}

/** Of each node the branches that every way to it takes, outermost first. */
function branchPaths(
  nodes: readonly NodeInfo[],
  edges: readonly EdgeInfo[],
  byId: ReadonlyMap<string, NodeInfo>,
): Map<string, string[]> {
  const incoming = new Map<string, EdgeInfo[]>();
  for (const edge of edges) incoming.set(edge.target, [...(incoming.get(edge.target) ?? []), edge]);
  const paths = new Map<string, string[]>();
  for (const node of nodes) {
    let shared: string[] | null = null;
    for (const edge of incoming.get(node.id) ?? []) {
      const source = byId.get(edge.source);
      const before = paths.get(edge.source);
      // Not seen yet: a way back, which a flow has none of once it is sound.
      if (!source || !before) continue;
      const way = source.ports.length > 1 ? [...before, `${source.id}.${edge.port}`] : before;
      shared = shared === null ? way : common(shared, way);
    }
    paths.set(node.id, shared ?? []);
  }
  return paths;
}

function common(one: readonly string[], other: readonly string[]): string[] {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return one.slice(0, length);
}
