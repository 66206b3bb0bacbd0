// What the menus of a node, an edge, a selection, the canvas and the bar hold: rows of the one table.
import type { EditorActions, Point } from "./actions";
import { make } from "./dom";
import type { Menu, MenuGroups, MenuItem } from "./menu";
import { type Command, command, reasonAgainst } from "./shortcuts";

/** Where a menu is asked for, as the canvas says it. */
export interface MenuTarget {
  node?: string;
  edge?: string;
}

const NODE = [
  ["settings", "rename"], ["run-node", "run-to", "run-from"],
  ["add-after", "add-between", "connect", "connect-to", "move-into"],
  ["disable", "pin", "frame"], ["cut", "copy", "duplicate"], ["delete"],
];
const MANY = [["cut", "copy", "duplicate"], ["disable", "pin", "frame", "move-into", "tidy"], ["fit-selection"], ["delete"]];
const EDGE = [["add-on-edge"], ["delete"]];
const CANVAS = [["add-here", "note", "paste"], ["select-all", "fit", "tidy"], ["run", "commands", "shortcuts"]];
const MORE = [
  ["undo", "redo", "tidy", "problems", "versions", "sharing", "commands"],
  ["outline", "toggle-panel"], ["import", "export-yaml", "export-json"], ["publish"], ["shortcuts", "theme"],
];

export class ContextMenus {
  constructor(
    private readonly menu: Menu,
    private readonly actions: EditorActions,
    private readonly give: (command: Command) => void,
    private readonly addOnEdge: (edge: string, client: Point) => void,
  ) {}

  /** Selects what the menu is of where it is not selected, and opens it. */
  open(target: MenuTarget, client: Point): void {
    const selection = this.actions.selection();
    if (target.node && !selection.nodes.includes(target.node)) this.actions.select([target.node]);
    if (target.edge && !selection.edges.includes(target.edge)) this.actions.select([], [target.edge]);
    const count = this.actions.selection().nodes.length;
    if (target.node) this.show(count > 1 ? `${count} nodes` : "Node", count > 1 ? MANY : NODE, client);
    else if (target.edge) this.show("Wire", EDGE, client, target.edge);
    else this.show("Canvas", CANVAS, client);
  }

  /** The bar's menu, which holds what a narrow bar has no room for. */
  openMore(opener: HTMLElement): void {
    const box = opener.getBoundingClientRect();
    this.menu.open("More", this.groups(MORE, { x: box.right, y: box.bottom }), { x: box.right - 240, y: box.bottom + 4 }, opener);
  }

  private show(label: string, rows: readonly (readonly string[])[], client: Point, edge?: string): void {
    this.menu.open(label, this.groups(rows, client, edge), client);
  }

  private groups(rows: readonly (readonly string[])[], client: Point, edge?: string): MenuGroups {
    return rows.map((group) => group.flatMap((id) => {
      if (id === "add-on-edge" && edge) return [this.onEdge(edge, client)];
      const found = command(id);
      return found ? [this.item(found)] : [];
    }));
  }

  private item(found: Command): MenuItem {
    return {
      id: found.id,
      title: found.title,
      icon: found.icon,
      ...(found.keys?.[0] ? { keys: found.keys[0] } : {}),
      off: reasonAgainst(found, this.actions),
      danger: found.danger ?? false,
      choose: () => this.give(found),
    };
  }

  private onEdge(edge: string, client: Point): MenuItem {
    const off = this.actions.readOnly ? "You may look at this flow but not change it." : "";
    return { id: "add-on-edge", title: "Add a node here", icon: "add", off, choose: () => this.addOnEdge(edge, client) };
  }
}

/** A button that opens a node's menu, for lists. */
export function menuButton(label: string): HTMLButtonElement {
  return make("button", { type: "button", class: "icon-button", tabindex: "-1", "aria-label": label, "data-row-menu": true });
}
