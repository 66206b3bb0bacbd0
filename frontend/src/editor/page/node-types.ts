// The node types that the server knows, as the page holds them, and new cards of them.
import type { PortInfo } from "./actions";

/** As `flows.views.palette.node_type_facts` writes it. */
export interface NodeTypeInfo {
  type: string;
  version: number;
  title: string;
  summary: string;
  category: string;
  icon: string;
  ports: PortInfo[];
  portsFollowConfig: boolean;
  takesInput: boolean;
  holds: boolean;
  runs: boolean;
  streams: boolean;
  outputs: Record<string, string>;
  defaults: Record<string, unknown>;
  /** A flow has exactly one of it. */
  once: boolean;
  /** Paths of its config that are secret, with dots; `*` is any key or place of a list. */
  secrets: string[];
}

const PLACEHOLDER = "placeholder_id";
const USUAL_HEIGHT = 96;

let known: Map<string, NodeTypeInfo> | null = null;

/** All types by name, in the palette's order. */
export function nodeTypes(): ReadonlyMap<string, NodeTypeInfo> {
  if (!known) {
    const block = document.getElementById("node-types")?.textContent ?? "[]";
    const list = JSON.parse(block) as NodeTypeInfo[];
    known = new Map(list.map((entry) => [entry.type, entry]));
  }
  return known;
}

/** Pixels that a new card of this type is high, as the server says. */
export function newHeight(type: string): number {
  const template = document.querySelector<HTMLTemplateElement>(
    `template[data-card-of="${CSS.escape(type)}"]`,
  );
  const card = template?.content.firstElementChild;
  return Number(card?.getAttribute("data-height")) || USUAL_HEIGHT;
}

/** The server's card of a new node of this type, with the node's id in it; null: unknown type. */
export function newCard(type: string, id: string): HTMLElement | null {
  const template = document.querySelector<HTMLTemplateElement>(
    `template[data-card-of="${CSS.escape(type)}"]`,
  );
  const card = template?.content.firstElementChild?.cloneNode(true);
  if (!(card instanceof HTMLElement)) return null;
  for (const element of [card, ...card.querySelectorAll<HTMLElement>("*")]) {
    for (const attribute of [...element.attributes]) {
      if (attribute.value.includes(PLACEHOLDER)) {
        attribute.value = attribute.value.replaceAll(PLACEHOLDER, id);
      }
    }
  }
  const line = card.querySelector("[data-slot=type]");
  if (line?.textContent === PLACEHOLDER) line.textContent = id;
  return card;
}
