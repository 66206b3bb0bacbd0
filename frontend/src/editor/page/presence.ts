// Who else looks at the flow: what they have selected is marked on the cards.
import type { Person } from "./actions";
import { make } from "./dom";

const HUES = 3;
/** Initials on one card; more are told by its ring only. */
const MOST_ON_CARD = 3;

/** The colour of the person at this place of the list, in the bar and on cards: 1, 2 or 3. */
export function hueOf(index: number): number {
  return (index % HUES) + 1;
}

/** Somebody with several tabs is one of the people. */
export function distinct(tabs: readonly Person[]): Person[] {
  return tabs.filter(({ name }, at) => tabs.findIndex((other) => other.name === name) === at);
}

interface Shown {
  readonly name: string;
  readonly initial: string;
  readonly hue: number;
}

export class Presence {
  private marked = new Map<string, Shown[]>();

  constructor(private readonly card: (id: string) => HTMLElement | undefined) {}

  /** The others as they are now; marks of those who left or selected something else go. */
  show(tabs: readonly Person[]): void {
    const before = this.marked;
    this.marked = new Map();
    const names = distinct(tabs).map(({ name }) => name);
    for (const { name, initial, selected } of tabs) {
      const hue = hueOf(names.indexOf(name));
      for (const id of selected) {
        const at = this.marked.get(id) ?? [];
        if (!at.some((other) => other.name === name)) at.push({ name, initial, hue });
        this.marked.set(id, at);
      }
    }
    this.redrawn(new Set([...before.keys(), ...this.marked.keys()]));
  }

  /** These cards are new, or drawn anew. */
  redrawn(ids: Iterable<string>): void {
    for (const id of ids) {
      const card = this.card(id);
      if (card) mark(card, this.marked.get(id) ?? []);
    }
  }
}

function mark(card: HTMLElement, people: readonly Shown[]): void {
  card.querySelector(":scope > .card-people")?.remove();
  card.toggleAttribute("data-others", people.length > 0);
  if (people.length === 0) return;
  const names = people.map(({ name }) => name).join(", ");
  const box = make("span", { class: "card-people", role: "img", "aria-label": `Selected by ${names}`, title: names });
  for (const { initial, hue } of people.slice(0, MOST_ON_CARD)) {
    box.append(make("span", { class: "person", "data-hue": String(hue), "aria-hidden": "true" }, initial));
  }
  card.append(box);
}
