// Keeps changes in the browser until the server has them: a reload or a crash loses nothing.
//
// localStorage, for it has written when it returns: a crash right after a keystroke keeps it.
// One item for each change, by flow, person and tab, so that a keystroke writes little.
import type { Conflict, Op } from "./ops.ts";
import type { TextStorage } from "./world.ts";

/** A change that the server does not have. `base`: the revision it was made on. */
export interface KeptChange {
  readonly id: string;
  readonly label: string;
  readonly ops: readonly Op[];
  readonly base: number;
  /** It may have reached the server, so it stays as it is. */
  readonly sent: boolean;
  /** The tabs that had it before this one, and ended. */
  readonly tabs?: readonly string[] | undefined;
}

/** Operations that could not be applied, kept so that a person can put them back. */
export interface AsideChange {
  readonly id: string;
  readonly label: string;
  readonly ops: readonly Op[];
  readonly conflicts: readonly Conflict[];
}

export interface Kept {
  readonly changes: KeptChange[];
  readonly aside: AsideChange[];
}

const PREFIX = "fluxprompt:changes";
/** Digits of an item's number: names then sort as numbers do. */
const DIGITS = 10;

export class ChangeStore {
  readonly tab: string;
  private readonly storage: TextStorage;
  private readonly prefix: string;

  constructor(storage: TextStorage, flow: string, person: string, tab: string) {
    this.storage = storage;
    this.prefix = `${PREFIX}:${person}:${flow}:`;
    this.tab = tab;
  }

  /** False where the browser has no room or forbids it. */
  put(number: number, change: KeptChange): boolean {
    const { id, label, ops, base, sent, tabs } = change;
    return this.write(this.name("change", number), { id, label, ops, base, sent, tabs });
  }

  remove(number: number): void {
    this.storage.remove(this.name("change", number));
  }

  putAside(number: number, change: AsideChange): boolean {
    return this.write(this.name("aside", number), change);
  }

  removeAside(number: number): void {
    this.storage.remove(this.name("aside", number));
  }

  /** The other tabs of this flow and person that have kept something. */
  others(): string[] {
    const tabs = this.names().map((name) => name.slice(this.prefix.length).split("/")[0] ?? "");
    return [...new Set(tabs)].filter((tab) => tab !== this.tab && tab !== "").sort();
  }

  /** What a tab has kept, in the order it was made; what cannot be read is left where it is. */
  read(tab: string): Kept {
    return {
      changes: this.items<KeptChange>(`${this.prefix}${tab}/change/`),
      aside: this.items<AsideChange>(`${this.prefix}${tab}/aside/`),
    };
  }

  forget(tab: string): void {
    for (const name of this.names()) {
      if (name.startsWith(`${this.prefix}${tab}/`)) this.storage.remove(name);
    }
  }

  private items<Item extends { ops: readonly Op[] }>(start: string): Item[] {
    const found: Item[] = [];
    for (const name of this.names().filter((name) => name.startsWith(start)).sort()) {
      try {
        const item = JSON.parse(this.storage.get(name) ?? "") as Item;
        if (Array.isArray(item.ops)) found.push(item);
      } catch {
        // Half written, or by another program: nothing that could be sent.
      }
    }
    return found;
  }

  private names(): string[] {
    try {
      return this.storage.names().filter((name) => name.startsWith(this.prefix));
    } catch {
      return [];
    }
  }

  private write(name: string, value: unknown): boolean {
    try {
      this.storage.set(name, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  }

  private name(kind: "change" | "aside", number: number): string {
    return `${this.prefix}${this.tab}/${kind}/${String(number).padStart(DIGITS, "0")}`;
  }
}
