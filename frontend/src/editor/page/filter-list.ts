// A field with a list under it that follows what is typed: for the pickers and the command palette.
import { icon, make } from "./dom";
import { fuzzyFilter } from "./fuzzy";

export interface Entry {
  title: string;
  /** Beside the title, also searched. */
  help?: string;
  /** Searched, not shown. */
  words?: string;
  /** At the end of the line: keys, or what kind of thing it is. */
  aside?: string;
  mark?: Element;
  /** Why it cannot be chosen now. */
  off?: string;
  choose(): void;
}

export interface Section {
  title: string;
  entries: readonly Entry[];
  /** Shown while nothing is typed; further ones are found by typing. */
  most?: number;
  /** Entries come from a search of their own: they are not filtered again. */
  found?: boolean;
}

let lists = 0;

/** Follows the pattern of a combobox whose list is always open. */
export class FilterList {
  readonly element: HTMLElement;
  readonly field: HTMLInputElement;
  private readonly list: HTMLElement;
  private readonly none: HTMLElement;
  private sections: readonly Section[] = [];
  private shown: { entry: Entry; option: HTMLElement }[] = [];
  private at = 0;
  private readonly name = `filter-list-${(lists += 1)}`;

  constructor(placeholder: string, private readonly typed?: (text: string) => void) {
    this.field = make("input", {
      type: "text", role: "combobox", class: "filter-field", placeholder, "aria-label": placeholder,
      "aria-expanded": "true", "aria-controls": this.name, "aria-autocomplete": "list",
      autocomplete: "off", spellcheck: "false",
    });
    this.list = make("div", { role: "listbox", id: this.name, class: "filter-list", "aria-label": placeholder });
    this.none = make("p", { class: "filter-none muted", role: "status" });
    this.element = make("div", { class: "filter-box" },
      make("div", { class: "search-field" }, icon("search"), this.field), this.list, this.none);
    this.field.addEventListener("input", () => {
      this.at = 0;
      this.typed?.(this.field.value);
      this.draw();
    });
    this.field.addEventListener("keydown", (event) => this.onKey(event));
    this.list.addEventListener("click", (event) => this.onClick(event));
    this.list.addEventListener("pointermove", (event) => this.onHover(event));
  }

  setSections(sections: readonly Section[]): void {
    this.sections = sections;
    this.draw();
  }

  private draw(): void {
    const text = this.field.value;
    this.shown = [];
    const groups: HTMLElement[] = [];
    for (const section of this.sections) {
      const fits = section.found ? [...section.entries] : fuzzyFilter(text, section.entries, wordsOf);
      const entries = text ? fits.slice(0, 50) : fits.slice(0, section.most ?? fits.length);
      if (entries.length === 0) continue;
      const id = `${this.name}-group-${groups.length}`;
      const group = make("div", { role: "group", "aria-labelledby": id },
        make("div", { class: "filter-title", id, role: "presentation" }, section.title));
      for (const entry of entries) group.append(this.option(entry));
      groups.push(group);
    }
    this.list.replaceChildren(...groups);
    this.none.textContent = this.shown.length ? "" : "Nothing is called that.";
    this.list.hidden = !this.shown.length;
    this.go(Math.min(this.at, Math.max(this.shown.length - 1, 0)));
  }

  private option(entry: Entry): HTMLElement {
    const option = make("div", {
      role: "option", class: "filter-option", id: `${this.name}-${this.shown.length}`,
      "aria-selected": "false", "aria-disabled": entry.off ? "true" : null, title: entry.off,
    });
    if (entry.mark) option.append(entry.mark);
    option.append(make("span", { class: "filter-name" }, entry.title));
    const help = entry.off ?? entry.help;
    option.append(make("span", { class: "filter-help" }, help ?? ""));
    if (entry.aside) option.append(make("kbd", {}, entry.aside));
    this.shown.push({ entry, option });
    return option;
  }

  private go(to: number): void {
    this.shown[this.at]?.option.setAttribute("aria-selected", "false");
    this.at = to;
    const now = this.shown[to]?.option;
    now?.setAttribute("aria-selected", "true");
    now?.scrollIntoView({ block: "nearest" });
    if (now) this.field.setAttribute("aria-activedescendant", now.id);
    else this.field.removeAttribute("aria-activedescendant");
  }

  private onKey(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const last = this.shown.length - 1;
    const moves: Record<string, number> = {
      ArrowDown: this.at === last ? 0 : this.at + 1,
      ArrowUp: this.at === 0 ? last : this.at - 1,
      PageDown: Math.min(this.at + 8, last),
      PageUp: Math.max(this.at - 8, 0),
    };
    const to = moves[event.key];
    if (to !== undefined && last >= 0) this.go(to);
    else if (event.key === "Enter") this.choose(this.at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private onHover(event: PointerEvent): void {
    const index = this.indexAt(event.target);
    if (index >= 0 && index !== this.at) this.go(index);
  }

  private onClick(event: Event): void {
    const index = this.indexAt(event.target);
    if (index >= 0) this.choose(index);
  }

  private indexAt(target: EventTarget | null): number {
    const option = target instanceof Element ? target.closest("[role=option]") : null;
    return this.shown.findIndex((shown) => shown.option === option);
  }

  private choose(index: number): void {
    const entry = this.shown[index]?.entry;
    if (entry && !entry.off) entry.choose();
  }
}

function wordsOf(entry: Entry): [string, string] {
  return [entry.title, `${entry.words ?? ""} ${entry.help ?? ""}`];
}
