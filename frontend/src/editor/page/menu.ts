// A menu at a point: with arrows, first letters and Escape, and the focus back where it was.
import type { Point } from "./actions";
import { icon, make, need, placeAt, stateIcon } from "./dom";
import { ariaKeys, keyLabel } from "./keys";

export interface MenuItem {
  id: string;
  title: string;
  /** A name of the page's icons, or `run-` and a run's state. */
  icon: string;
  keys?: string;
  /** Why it cannot be chosen now. */
  off?: string;
  danger?: boolean;
  choose(): void;
}

/** Groups of items with lines between them; empty groups are left out. */
export type MenuGroups = readonly (readonly MenuItem[])[];

export class Menu {
  private readonly element = need("#context-menu");
  private back: HTMLElement | null = null;
  private opener: HTMLElement | null = null;
  private chosen: (() => void) | null = null;

  constructor() {
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    this.element.addEventListener("toggle", (event) => {
      if ((event as ToggleEvent).newState === "closed") this.closed();
    });
  }

  open(label: string, groups: MenuGroups, at: Point, opener?: HTMLElement): void {
    if (this.element.matches(":popover-open")) this.element.hidePopover();
    this.back = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    this.opener = opener ?? null;
    this.element.setAttribute("aria-label", label);
    const parts = groups.filter((group) => group.length).map((group) =>
      make("div", { role: "group" }, ...group.map((item) => this.item(item))));
    this.element.replaceChildren(...parts);
    this.element.showPopover();
    placeAt(this.element, at);
    this.opener?.setAttribute("aria-expanded", "true");
    this.items()[0]?.focus({ preventScroll: true });
  }

  private item(item: MenuItem): HTMLElement {
    const button = make("button", {
      type: "button", role: "menuitem", class: "menu-item", tabindex: "-1", title: item.off,
      "data-menu": item.id, "data-danger": item.danger, "aria-disabled": item.off ? "true" : null,
      "aria-keyshortcuts": item.keys ? ariaKeys(item.keys) : null,
      "data-state": stateOf(item) || null,
    }, stateOf(item) ? stateIcon(stateOf(item)) : icon(item.icon), make("span", { class: "menu-name" }, item.title));
    if (item.keys) button.append(make("kbd", { "aria-hidden": "true" }, keyLabel(item.keys)));
    button.addEventListener("click", () => {
      if (item.off) return;
      // The focus goes back first: what is chosen may put it elsewhere.
      this.chosen = () => item.choose();
      this.element.hidePopover();
    });
    button.addEventListener("pointermove", () => button.focus({ preventScroll: true }));
    return button;
  }

  private closed(): void {
    this.opener?.setAttribute("aria-expanded", "false");
    const lost = document.activeElement === document.body || this.element.contains(document.activeElement);
    if (lost || this.chosen) (this.opener ?? this.back)?.focus({ preventScroll: true });
    const choose = this.chosen;
    this.chosen = null;
    choose?.();
  }

  private items(): HTMLElement[] {
    return [...this.element.querySelectorAll<HTMLElement>("[role=menuitem]")];
  }

  private onKey(event: KeyboardEvent): void {
    const items = this.items();
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to: Record<string, number> = {
      ArrowDown: (at + 1) % items.length, ArrowUp: (at - 1 + items.length) % items.length,
      Home: 0, End: items.length - 1,
    };
    let next = to[event.key];
    if (event.key === "Tab") this.element.hidePopover();
    if (next === undefined && /^\p{L}$/u.test(event.key) && !event.ctrlKey && !event.metaKey) {
      const rest = [...items.slice(at + 1), ...items.slice(0, at + 1)];
      const found = rest.find((item) => item.textContent?.trim().toLowerCase().startsWith(event.key.toLowerCase()));
      if (found) next = items.indexOf(found);
    }
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    items[next]?.focus();
  }
}

function stateOf(item: MenuItem): string {
  return item.icon.startsWith("run-") ? item.icon.slice(4) : "";
}
