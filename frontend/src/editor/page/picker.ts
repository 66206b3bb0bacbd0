// A small list at a point to choose from by typing: nodes to add, to connect to, to move into.
import type { EditorActions, NodeEnd, Point } from "./actions";
import { need, placeAt, remember, remembered, typeIcon } from "./dom";
import { type Entry, FilterList, type Section } from "./filter-list";
import { type NodeTypeInfo, nodeTypes } from "./node-types";

export const RECENT = "recent-types";
const RECENT_MOST = 5;

/** Where a node is to be added; one of `from`, `to`, `edge` says what it is connected with. */
export interface QuickAdd {
  client: Point;
  /** The wire came out of this port. */
  from?: NodeEnd;
  /** The wire is to go into this node. */
  to?: string;
  /** The node goes into this edge. */
  edge?: string;
  /** Of the flow; without it the place is that of `client`. */
  at?: Point;
  /** Nothing was pointed at: the place follows from what it is connected with. */
  placeFreely?: boolean;
}

export class Picker {
  private readonly element = need("#picker");
  private back: HTMLElement | null = null;
  private chosen: (() => void) | null = null;

  constructor() {
    this.element.addEventListener("toggle", (event) => {
      if ((event as ToggleEvent).newState === "closed") this.closed();
    });
  }

  open(label: string, sections: readonly Section[], at: Point): void {
    if (this.element.matches(":popover-open")) this.element.hidePopover();
    this.back = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    const list = new FilterList(label);
    list.setSections(sections.map((section) => ({ ...section, entries: section.entries.map((entry) => this.closing(entry)) })));
    this.element.setAttribute("aria-label", label);
    this.element.replaceChildren(list.element);
    this.element.showPopover();
    placeAt(this.element, at);
    list.field.focus({ preventScroll: true });
  }

  private closing(entry: Entry): Entry {
    return { ...entry, choose: () => {
      this.chosen = () => entry.choose();
      this.element.hidePopover();
    } };
  }

  private closed(): void {
    const lost = document.activeElement === document.body || this.element.contains(document.activeElement);
    if (lost || this.chosen) this.back?.focus({ preventScroll: true });
    const choose = this.chosen;
    this.chosen = null;
    choose?.();
  }
}

/** Types that can stand where a node is wanted: not a second start, nothing without an input. */
export function fittingTypes(actions: EditorActions, wanted: Pick<QuickAdd, "from" | "to" | "edge">): NodeTypeInfo[] {
  const present = actions.types();
  return [...nodeTypes().values()].filter((type) => {
    if (type.once && present.has(type.type)) return false;
    if ((wanted.from || wanted.edge) && !type.takesInput) return false;
    return !((wanted.to || wanted.edge) && type.ports.length === 0);
  });
}

/** Entries to add a node of each of these types: those used last, and all. */
export function typeSections(types: readonly NodeTypeInfo[], add: (type: string) => void): Section[] {
  const recent = remembered(RECENT).flatMap((name) => types.find((type) => type.type === name) ?? []);
  const entry = (type: NodeTypeInfo): Entry => ({
    title: type.title,
    help: type.summary,
    words: `${type.type} ${type.category}`,
    mark: typeIcon(type.type, type.category),
    choose: () => {
      remember(RECENT, type.type, RECENT_MOST);
      add(type.type);
    },
  });
  const others = types.filter((type) => !recent.includes(type));
  return [
    { title: "Recent", entries: recent.map(entry) },
    { title: recent.length ? "All nodes" : "Nodes", entries: others.map(entry) },
  ];
}
