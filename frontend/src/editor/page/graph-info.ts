// Nodes and wires as the panels list them, from the model, the cards and the run that is shown.
import type { FlowModel } from "../model";
import { edgeKey, sourceOf } from "../ops";
import type { EdgeEntry, NodeEntry } from "../ops";
import type { EdgeInfo, NodeInfo, PortInfo } from "./actions";
import { nodeTypes } from "./node-types";

/** What is known of nodes beside the model. */
export interface Shown {
  card(id: string): HTMLElement | undefined;
  state(id: string): string;
}

/** What a card has to be asked for is asked when it is wanted: most who list nodes never do. */
export function nodeInfo(entry: NodeEntry, model: FlowModel, shown: Shown): NodeInfo {
  const type = nodeTypes().get(entry.type);
  const card = shown.card(entry.id);
  return {
    id: entry.id,
    title: titleOf(entry),
    type: entry.type,
    category: card?.dataset["category"] ?? type?.category ?? "code",
    parent: entry.parent ?? null,
    holds: type?.holds ?? false,
    get broken() {
      return card?.hasAttribute("data-broken") ?? false;
    },
    disabled: isDisabled(entry.id, model),
    pinned: model.pins.has(entry.id),
    state: shown.state(entry.id),
    get ports() {
      return portsOf(entry, card);
    },
    takesInput: type?.takesInput ?? true,
  };
}

export function titleOf(entry: NodeEntry): string {
  if (entry.label) return entry.label;
  return nodeTypes().get(entry.type)?.title ?? `Unknown type: ${entry.type}`;
}

/** Disabled itself, or inside of what is. */
export function isDisabled(id: string, model: FlowModel): boolean {
  for (let entry = model.nodes.get(id); entry; entry = parentOf(entry, model)) {
    if (entry.disabled) return true;
  }
  return false;
}

export function parentOf(entry: NodeEntry, model: FlowModel): NodeEntry | undefined {
  return entry.parent === undefined ? undefined : model.nodes.get(entry.parent);
}

/** A card keeps its ports: where they change, the server draws another one. */
const portsOfCards = new WeakMap<HTMLElement, PortInfo[]>();

/** Output ports as the server drew them: they may follow from the node's settings. */
export function portsOf(entry: NodeEntry, card: HTMLElement | undefined): PortInfo[] {
  if (!card) return nodeTypes().get(entry.type)?.ports ?? [];
  let ports = portsOfCards.get(card);
  if (!ports) {
    const handles = card.querySelectorAll<HTMLElement>('[data-handleid][data-side="out"]');
    ports = [...handles].map((handle) => ({
      name: handle.dataset["handleid"] ?? "out",
      label: handle.closest(".node-card-port")?.textContent?.trim() ?? "",
    }));
    portsOfCards.set(card, ports);
  }
  return ports;
}

export function edgeInfo(edge: EdgeEntry): EdgeInfo {
  const { node, port } = sourceOf(edge);
  return { id: edgeKey(edge), source: node, port, target: edge.to };
}
