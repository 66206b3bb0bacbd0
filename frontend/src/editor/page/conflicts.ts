// Notices of changes that met: what the other one wrote, and a way to decide.
import type { ConflictNotice } from "./actions";
import { icon, make, need } from "./dom";

const LONGEST = 200;

export class Conflicts {
  private readonly list = need("[data-conflicts]");
  private readonly items = new Map<string, HTMLElement>();

  constructor(private readonly show: (node: string) => void, private readonly tell: (text: string) => void) {}

  /** Further notices; one of the same id takes the place of the earlier one. */
  add(notices: readonly ConflictNotice[]): void {
    for (const notice of notices) this.put(notice);
    this.list.hidden = this.items.size === 0;
    const [first] = notices;
    if (first) this.tell(first.message);
  }

  private put(notice: ConflictNotice): void {
    const item = this.item(notice);
    const earlier = this.items.get(notice.id);
    if (earlier) earlier.replaceWith(item);
    else this.list.append(item);
    this.items.set(notice.id, item);
  }

  private item(notice: ConflictNotice): HTMLElement {
    const words = make("div", { class: "conflict-words" }, make("p", { class: "notice-title" }, notice.message));
    if (notice.theirs !== undefined) {
      words.append(make("p", { class: "caption" }, notice.by ? `${notice.by} wrote:` : "The other value:"),
        make("pre", { class: "conflict-theirs", tabindex: "0" }, written(notice.theirs)));
    }
    const ways = make("div", { class: "conflict-ways" });
    for (const action of notice.actions) {
      const button = make("button", { type: "button", class: "btn", "data-size": "xs", "data-variant": "outline" }, action.label);
      button.addEventListener("click", () => {
        if (action.run()) this.drop(notice.id);
        else this.tell(`It cannot be done yet. ${notice.message}`);
      });
      ways.append(button);
    }
    const { node } = notice;
    if (node) {
      const go = make("button", { type: "button", class: "btn", "data-size": "xs", "data-variant": "ghost" }, "Show the node");
      go.addEventListener("click", () => this.show(node));
      ways.append(go);
    }
    const close = make("button", { type: "button", class: "icon-button", "aria-label": "Dismiss" }, icon("cancel", 15));
    close.addEventListener("click", () => this.drop(notice.id));
    words.append(ways);
    return make("li", { class: "conflict" }, icon("problems", 17), words, close);
  }

  private drop(id: string): void {
    this.items.get(id)?.remove();
    this.items.delete(id);
    this.list.hidden = this.items.size === 0;
    // The button that was pressed is gone: the next notice has the focus, or what it was about.
    const next = this.list.querySelector<HTMLElement>("button");
    if (next) next.focus();
    else need("[data-canvas]").focus({ preventScroll: true });
  }
}

function written(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 1);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
