// What the editor's model needs of a browser, small enough for tests to stand in for it.

export type Cancel = () => void;

/** What keeps texts by name beyond the page: localStorage. `set` throws where there is no room. */
export interface TextStorage {
  names(): string[];
  get(name: string): string | null;
  set(name: string, text: string): void;
  remove(name: string): void;
}

/** An answer of the server; `signedOut` where it leads to the page to sign in on. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly signedOut?: boolean;
  /** Milliseconds that the server asks to wait. */
  readonly retryAfter?: number;
}

/** Rejects where no answer came. */
export interface Transport {
  changes(body: string, last: boolean): Promise<Answer>;
  draft(): Promise<Answer>;
}

export interface World {
  now(): number;
  later(run: () => void, milliseconds: number): Cancel;
  online(): boolean;
  visible(): boolean;
  /** Calls when the network or the person comes back. */
  onWake(listener: () => void): Cancel;
  random(): number;
  uuid(): string;
  /** Says to other tabs that this one lives, until it is gone. */
  live(tab: string): void;
  /** Runs where that tab is dead, and for one tab at a time. */
  inheriting(tab: string, run: () => void): Promise<void>;
}
