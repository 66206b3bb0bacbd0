// The line to the server: opens it, counts what came, comes back after a break.
import type { Frame } from "./run-messages";

const FIRST_WAIT = 250;
const LONGEST_WAIT = 8_000;
/** A line that opens without a snapshot for this long is no line. */
const ANSWER_WITHIN = 6_000;
/** A line may die without a word (sleep, a lost network): after this silence it is made anew. */
const SILENCE = 30_000;
/** Close codes after which asking again gives the same answer. */
const FINAL_CODES = new Set([4404, 4403]);

export class RunSocket {
  onFrame: (frame: Frame) => void = () => undefined;
  onLink: (up: boolean) => void = () => undefined;
  /** The server says that there is no such run, or not for this person. */
  onGone: () => void = () => location.reload();
  private socket: WebSocket | null = null;
  private wait = FIRST_WAIT;
  private timer = 0;
  private watch = 0;
  private closed = false;

  constructor(
    private readonly run: string,
    private after: number,
  ) {
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.drop());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.hurry();
    });
    // A page kept for "back" must not hold the line, and must come back to a fresh state.
    addEventListener("pageshow", (event) => {
      if (event.persisted && !this.closed) this.hurry();
    });
  }

  open(): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const address = `${scheme}://${location.host}/ws/runs/${this.run}/?after=${this.after}`;
    const socket = new WebSocket(address);
    this.socket = socket;
    this.expect(ANSWER_WITHIN, () => this.drop());
    socket.addEventListener("message", (message) => {
      if (socket === this.socket) this.receive(String(message.data));
    });
    socket.addEventListener("close", (event) => {
      if (socket === this.socket) this.lost(event.code);
    });
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.watch);
    this.socket?.close();
  }

  /** Tell the server something; lost where there is no line. */
  say(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private expect(within: number, otherwise: () => void): void {
    clearTimeout(this.watch);
    this.watch = window.setTimeout(otherwise, within);
  }

  /** Give this line up and try another. */
  private drop(): void {
    const { socket } = this;
    if (!socket || this.closed) return;
    this.lost(0);
    socket.close();
  }

  /** The same line, made anew; its snapshot says whether anything was missed. */
  private renew(): void {
    const { socket } = this;
    this.open();
    socket?.close();
  }

  private receive(data: string): void {
    this.expect(SILENCE, () => this.renew());
    const frame = JSON.parse(data) as Frame;
    if (frame.snapshot) {
      this.wait = FIRST_WAIT;
      this.onLink(true);
    }
    for (const event of frame.events ?? []) this.after = Math.max(this.after, event.seq);
    this.onFrame(frame);
  }

  private lost(code: number): void {
    this.socket = null;
    clearTimeout(this.watch);
    if (this.closed) return;
    this.onLink(false);
    if (FINAL_CODES.has(code)) {
      this.close();
      this.onGone();
      return;
    }
    this.timer = window.setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  private hurry(): void {
    if (this.closed || this.socket) return;
    clearTimeout(this.timer);
    this.wait = FIRST_WAIT;
    this.open();
  }
}
