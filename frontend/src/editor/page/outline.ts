// The outline: the same flow as a tree that keyboard and screen reader read and edit.
import type { NodeInfo, Point } from "./actions";
import { menuButton } from "./context-menu";
import { icon, make, need, typeIcon } from "./dom";
import { outlineTree, type TreeItem } from "./outline-tree";
import { type Chrome, type Command, command, reasonAgainst } from "./shortcuts";

/** Keys on a row, and the commands of the table that they give. */
const ROW_KEYS: Record<string, string> = {
  Enter: "settings", F2: "rename", Delete: "delete", Backspace: "delete",
  a: "add-after", c: "connect-to", m: "move-into", d: "disable", p: "pin",
};

export class Outline {
  private readonly tree = need("[data-outline]");
  private readonly closed = new Set<string>();
  private at = "";
  private visible = false;
  private frame = 0;

  constructor(
    private readonly chrome: Chrome,
    private readonly give: (command: Command) => void,
    private readonly openMenu: (node: string, client: Point) => void,
  ) {
    const actions = chrome.actions;
    actions.on("change", () => this.drawSoon());
    actions.on("selection", () => this.showSelection());
    this.tree.addEventListener("keydown", (event) => this.onKey(event));
    this.tree.addEventListener("click", (event) => this.onClick(event));
    this.tree.addEventListener("contextmenu", (event) => this.onMenu(event));
    this.tree.addEventListener("focusin", (event) => {
      const row = rowOf(event.target);
      if (row) this.setAt(row);
    });
  }

  /** Only while it is seen is it kept in step. */
  show(visible: boolean): void {
    this.visible = visible;
    if (visible) this.draw();
  }

  focus(): void {
    const selected = this.chrome.actions.selection().nodes[0];
    const row = (selected ? this.row(selected) : null) ?? this.row(this.at) ?? this.rows()[0];
    row?.focus();
  }

  /** Rename in the row; it is shown before. */
  rename(id: string): void {
    const row = this.row(id);
    const node = this.nodeOf(id);
    const name = row?.querySelector<HTMLElement>(".outline-name");
    if (!row || !node || !name) return;
    const field = make("input", { class: "outline-field", value: node.title, maxlength: 200, "aria-label": `Name of ${node.title}` });
    name.replaceWith(field);
    field.select();
    field.focus();
    let done = false;
    const end = (keep: boolean): void => {
      if (done) return;
      done = true;
      const title = field.value.trim();
      const had = document.activeElement === field;
      if (keep && title && title !== node.title) {
        this.chrome.actions.setTitle(id, title);
        this.chrome.say({ text: `Renamed to “${title}”.`, undo: true });
      }
      this.draw();
      if (had) this.row(id)?.focus();
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.isComposing) return;
      if (event.key === "Enter" || event.key === "Escape") {
        event.preventDefault();
        end(event.key === "Enter");
      }
    });
    field.addEventListener("blur", () => end(true));
  }

  private drawSoon(): void {
    if (!this.visible || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.tree.querySelector(".outline-field")) this.draw();
    });
  }

  private draw(): void {
    const had = this.tree.contains(document.activeElement);
    const before = this.rows().findIndex((row) => row.dataset["key"] === this.at);
    const { actions } = this.chrome;
    const items = outlineTree(actions.nodes(), actions.edges());
    this.tree.replaceChildren(...items.map((item) => this.item(item, 1)));
    this.showSelection();
    const rows = this.rows();
    // Where the row is gone the next one in its place is the one people are at.
    const now = this.row(this.at) ?? rows[Math.min(Math.max(before, 0), rows.length - 1)];
    if (!now) return;
    this.setAt(now);
    if (had) now.focus({ preventScroll: true });
  }

  private item(item: TreeItem, level: number): HTMLElement {
    const open = !this.closed.has(item.key);
    const parts = item.node ? this.nodeParts(item.node) : [icon("move", 14), make("span", { class: "outline-branch" }, item.branch)];
    const chevron = make("span", { class: "outline-chevron", "data-toggle": true, "aria-hidden": "true" });
    if (item.children.length) chevron.append(icon("chevron", 14));
    // The row alone is the item: its name is then what is read in it, without its children's.
    const row = make("div", {
      class: "outline-row", role: "treeitem", "data-key": item.key, "data-row-of": item.node?.id, tabindex: "-1",
      "aria-level": level, "aria-expanded": item.children.length ? String(open) : null,
      "aria-label": item.node ? described(item.node) : `Branch ${item.branch}`,
    }, chevron, ...parts);
    row.style.paddingInlineStart = `${(level - 1) * 14}px`;
    const element = make("li", { role: "none" }, row);
    if (item.children.length && open) {
      element.append(make("ul", { role: "group" }, ...item.children.map((child) => this.item(child, level + 1))));
    }
    return element;
  }

  private nodeParts(node: NodeInfo): Node[] {
    const marks: Node[] = [];
    if (node.broken) marks.push(make("span", { class: "outline-mark", "data-severity": "error", title: "Has an error" }, icon("error", 14)));
    if (node.pinned) marks.push(make("span", { class: "outline-mark", title: "Its output is pinned" }, icon("pin", 14)));
    if (node.disabled) marks.push(make("span", { class: "outline-mark", title: "Turned off" }, icon("disable", 14)));
    const more = menuButton(`Actions for ${node.title}`);
    more.append(icon("more", 15));
    return [typeIcon(node.type, node.category), make("span", { class: "outline-name" }, node.title), ...marks, more];
  }

  private onKey(event: KeyboardEvent): void {
    const row = rowOf(event.target);
    if (!row || event.altKey || event.isComposing) return;
    const rows = this.rows();
    const at = rows.indexOf(row);
    const open = row.getAttribute("aria-expanded");
    const menuKey = event.key === "ContextMenu" || (event.shiftKey && event.key === "F10");
    const id = row.dataset["rowOf"];
    const named = event.ctrlKey || event.metaKey ? undefined : ROW_KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (event.key === "ArrowDown") rows[at + 1]?.focus();
    else if (event.key === "ArrowUp") rows[at - 1]?.focus();
    else if (event.key === "Home") rows[0]?.focus();
    else if (event.key === "End") rows[rows.length - 1]?.focus();
    else if (event.key === "ArrowRight" && open === "false") this.toggle(row);
    else if (event.key === "ArrowRight" && open === "true") rows[at + 1]?.focus();
    else if (event.key === "ArrowLeft" && open === "true") this.toggle(row);
    else if (event.key === "ArrowLeft") parentOf(row)?.focus();
    else if (event.key === " " && id) this.chrome.actions.select([id]);
    else if (menuKey && id) this.openMenu(id, beside(row));
    else if (named && id) this.command(named, id);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private command(named: string, id: string): void {
    const found = command(named);
    if (!found) return;
    this.chrome.actions.select([id]);
    const why = reasonAgainst(found, this.chrome.actions);
    if (why) this.chrome.say({ text: why, tone: "warning" });
    else this.give(found);
  }

  private onClick(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const row = rowOf(target);
    if (!row || target?.closest(".outline-field")) return;
    const id = row.dataset["rowOf"];
    if (target?.closest("[data-toggle]") || !id) this.toggle(row);
    else if (target?.closest("[data-row-menu]")) this.openMenu(id, { x: event.clientX, y: event.clientY });
    else {
      this.chrome.actions.select([id]);
      this.chrome.actions.fit([id]);
    }
    row.focus({ preventScroll: true });
  }

  private onMenu(event: MouseEvent): void {
    const id = rowOf(event.target)?.dataset["rowOf"];
    if (!id) return;
    event.preventDefault();
    this.openMenu(id, { x: event.clientX, y: event.clientY });
  }

  private toggle(row: HTMLElement): void {
    const key = row.dataset["key"] ?? "";
    if (!row.hasAttribute("aria-expanded")) return;
    if (!this.closed.delete(key)) this.closed.add(key);
    this.at = key;
    this.draw();
  }

  private showSelection(): void {
    if (!this.visible) return;
    const selected = new Set(this.chrome.actions.selection().nodes);
    for (const row of this.rows()) {
      const isSelected = selected.has(row.dataset["rowOf"] ?? "");
      if (row.dataset["rowOf"]) row.setAttribute("aria-selected", String(isSelected));
    }
  }

  private setAt(row: HTMLElement): void {
    for (const other of this.tree.querySelectorAll<HTMLElement>("[role=treeitem][tabindex='0']")) other.tabIndex = -1;
    row.tabIndex = 0;
    this.at = row.dataset["key"] ?? "";
  }

  private rows(): HTMLElement[] {
    return [...this.tree.querySelectorAll<HTMLElement>("[role=treeitem]")];
  }

  private row(key: string): HTMLElement | null {
    return key ? this.tree.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`) : null;
  }

  private nodeOf(id: string): NodeInfo | undefined {
    return this.chrome.actions.nodes().find((node) => node.id === id);
  }
}

function rowOf(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>("[role=treeitem]") : null;
}

/** The row that this one is under. */
function parentOf(row: HTMLElement): HTMLElement | null {
  const group = row.closest("[role=group]");
  return group?.parentElement?.querySelector<HTMLElement>(":scope > [role=treeitem]") ?? null;
}

function beside(row: HTMLElement): Point {
  const box = row.getBoundingClientRect();
  return { x: box.left + 40, y: box.top + 32 };
}

/** All that the row shows, as a sentence. */
function described(node: NodeInfo): string {
  const more = [
    node.holds ? "container" : "", node.state, node.broken ? "has an error" : "",
    node.disabled ? "turned off" : "", node.pinned ? "output pinned" : "",
  ];
  return [node.title, node.type, ...more].filter(Boolean).join(", ");
}
