// The line of an editor: changes and people come in, what is selected goes out; it comes back.
import type { Applied, Person } from "./ops.ts";
import type { Cancel, World } from "./world.ts";

const FIRST_WAIT = 250;
const LONGEST_WAIT = 8_000;
/** A line that opens without a greeting for this long is no line. */
const ANSWER_WITHIN = 6_000;
const PING_EVERY = 20_000;
/** After this silence a line is made anew, if its server is known to answer pings. */
const SILENCE = 30_000;
/** Selecting many cards in a row is said once. */
const SELECTION_WITHIN = 100;
/** Close codes after which only a request can say what is wrong. */
const FINAL_CODES = new Set([4401, 4403, 4404]);

/** What of a WebSocket is used. */
export interface Line {
  onmessage: ((message: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(text: string): void;
  close(): void;
}

interface Frame {
  hello?: { revision: number; people: Person[] };
  changes?: Applied[];
  people?: Person[];
  /** What people are told while the installation is maintained; null: that it is over. */
  maintenance?: string | null;
}

export class FlowSocket {
  onHello: (revision: number) => void = () => undefined;
  onChanges: (changes: readonly Applied[]) => void = () => undefined;
  onPeople: (people: readonly Person[]) => void = () => undefined;
  onLink: (isUp: boolean) => void = () => undefined;
  onMaintenance: (told: string | null) => void = () => undefined;
  /** The server does not want this person here: ask it by a request why. */
  onRefused: () => void = () => undefined;
  private line: Line | null = null;
  private isUp = false;
  private isClosed = false;
  private wait = FIRST_WAIT;
  private retry: Cancel | null = null;
  private watch: Cancel | null = null;
  private pings: Cancel | null = null;
  private telling: Cancel | null = null;
  private answersPings = false;
  private hasPinged = false;
  private selected: readonly string[] = [];
  private told = "[]";
  private readonly unwake: Cancel;
  private readonly connect: (after: number) => Line;
  private readonly after: () => number;
  private readonly world: World;

  /** `connect` opens a line that begins after a revision; `after` says which is known. */
  constructor(connect: (after: number) => Line, after: () => number, world: World) {
    this.connect = connect;
    this.after = after;
    this.world = world;
    this.unwake = world.onWake(() => this.hurry());
  }

  open(): void {
    if (this.isClosed || this.line) return;
    const line = this.connect(this.after());
    this.line = line;
    this.expect(ANSWER_WITHIN, () => this.give(line));
    line.onmessage = ({ data }) => {
      if (line === this.line) this.receive(String(data));
    };
    line.onclose = ({ code }) => {
      if (line === this.line) this.lost(code);
    };
  }

  /** Say to others what is selected. */
  select(ids: readonly string[]): void {
    this.selected = ids;
    this.telling ??= this.world.later(() => {
      this.telling = null;
      this.tellSelection();
    }, SELECTION_WITHIN);
  }

  close(): void {
    this.isClosed = true;
    this.unwake();
    for (const cancel of [this.retry, this.watch, this.pings, this.telling]) cancel?.();
    this.line?.close();
    this.line = null;
  }

  private receive(data: string): void {
    let frame: Frame;
    try {
      frame = JSON.parse(data) as Frame;
    } catch {
      return;
    }
    if (this.hasPinged) this.answersPings = true;
    if (frame.hello) this.greeted(frame.hello);
    if (this.isUp) this.expectSign();
    if (frame.people) this.onPeople(frame.people);
    if (frame.maintenance !== undefined) this.onMaintenance(frame.maintenance);
    if (frame.changes) this.onChanges(frame.changes);
  }

  private greeted(hello: { revision: number; people: Person[] }): void {
    this.isUp = true;
    this.wait = FIRST_WAIT;
    this.told = "[]";
    this.tellSelection();
    this.ping();
    this.onLink(true);
    this.onPeople(hello.people);
    this.onHello(hello.revision);
  }

  private tellSelection(): void {
    const text = JSON.stringify(this.selected);
    if (!this.isUp || text === this.told) return;
    this.told = text;
    this.line?.send(`{"selected":${text}}`);
  }

  private ping(): void {
    this.pings?.();
    this.pings = this.world.later(() => {
      if (!this.isUp) return;
      this.hasPinged = true;
      this.line?.send('{"ping":1}');
      this.ping();
    }, PING_EVERY);
  }

  private expectSign(): void {
    this.expect(SILENCE, () => {
      if (this.line && this.answersPings) this.give(this.line);
    });
  }

  private expect(within: number, otherwise: () => void): void {
    this.watch?.();
    this.watch = this.world.later(otherwise, within);
  }

  /** Give a line up that says nothing, and try another. */
  private give(line: Line): void {
    if (line === this.line) this.lost(0);
    line.close();
  }

  private lost(code: number): void {
    this.line = null;
    this.hasPinged = false;
    this.watch?.();
    this.pings?.();
    const wasUp = this.isUp;
    this.isUp = false;
    if (this.isClosed) return;
    if (wasUp) {
      this.onLink(false);
      this.onPeople([]);
    }
    if (FINAL_CODES.has(code)) {
      this.wait = LONGEST_WAIT;
      this.onRefused();
    }
    this.retry?.();
    this.retry = this.world.later(() => this.open(), this.wait * (0.75 + this.world.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  private hurry(): void {
    if (this.isClosed || this.line) return;
    this.retry?.();
    this.wait = FIRST_WAIT;
    this.open();
  }
}
