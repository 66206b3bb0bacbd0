// A browser whose clock the test turns, whose network it cuts, and whose tabs it kills.
import type { Cancel, TextStorage, World } from "../../src/editor/world.ts";

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Time that passes only when the test lets it. */
export class Clock {
  now = 1_000_000;
  private events: Event[] = [];
  private order = 0;

  later(run: () => void, milliseconds: number): Cancel {
    const event = { at: this.now + Math.max(0, milliseconds), order: (this.order += 1), run };
    this.events.push(event);
    return () => {
      this.events = this.events.filter((other) => other !== event);
    };
  }

  /** Let time pass; what was promised is kept before the next event. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds;
    await settled();
    for (;;) {
      const [first] = this.events
        .filter(({ at }) => at <= end)
        .sort((a, b) => a.at - b.at || a.order - b.order);
      if (!first) break;
      this.events = this.events.filter((event) => event !== first);
      this.now = Math.max(this.now, first.at);
      first.run();
      await settled();
    }
    this.now = end;
  }
}

/** All promises that are due have been kept. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 20; round += 1) await Promise.resolve();
}

/** One browser: its tabs share what is stored, and know of each other by locks. */
export class Browser {
  readonly items = new Map<string, string>();
  room = Infinity;
  private readonly held = new Set<string>();
  private readonly clock: Clock;
  private readonly random: () => number;
  private count = 0;

  constructor(clock: Clock, random: () => number) {
    this.clock = clock;
    this.random = random;
  }

  readonly storage: TextStorage = {
    names: () => [...this.items.keys()],
    get: (name) => this.items.get(name) ?? null,
    set: (name, text) => {
      if (text.length > this.room) throw new Error("QuotaExceededError");
      this.items.set(name, text);
    },
    remove: (name) => void this.items.delete(name),
  };

  tab(): Tab {
    return new Tab(this.clock, this.random, this.held, () => this.uuid());
  }

  private uuid(): string {
    this.count += 1;
    return `${Math.floor(this.random() * 1e9)}-${this.count}`;
  }
}

/** One tab; `die` is a crash: its timers stop and its locks are free. */
export class Tab implements World {
  isOnline = true;
  isVisible = true;
  isDead = false;
  private readonly listeners = new Set<() => void>();
  private readonly mine: string[] = [];
  private readonly clock: Clock;
  private readonly held: Set<string>;
  readonly random: () => number;
  readonly uuid: () => string;

  constructor(clock: Clock, random: () => number, held: Set<string>, uuid: () => string) {
    this.clock = clock;
    this.random = random;
    this.held = held;
    this.uuid = uuid;
  }

  now = (): number => this.clock.now;
  online = (): boolean => this.isOnline;
  visible = (): boolean => this.isVisible;

  later(run: () => void, milliseconds: number): Cancel {
    return this.clock.later(() => this.isDead || run(), milliseconds);
  }

  onWake(listener: () => void): Cancel {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  wake(): void {
    for (const listener of this.listeners) if (!this.isDead) listener();
  }

  live(tab: string): void {
    this.held.add(tab);
    this.mine.push(tab);
  }

  async inheriting(tab: string, run: () => void): Promise<void> {
    await Promise.resolve();
    if (this.held.has(tab)) return;
    this.held.add(tab);
    run();
    this.held.delete(tab);
  }

  die(): void {
    this.isDead = true;
    for (const tab of this.mine) this.held.delete(tab);
  }
}
