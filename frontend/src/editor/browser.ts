// The browser as the editor's model sees it: clock, storage, locks, requests, the line.
import type { Line } from "./flow-socket.ts";
import type { Answer, Cancel, TextStorage, Transport, World } from "./world.ts";

/** A request that takes longer is given up and made again. */
const ANSWER_WITHIN = 30_000;
/** Where there are no locks (plain http) a tab says so often that it lives, … */
const BEAT = 20_000;
/** … and is dead after this silence; timers of hidden tabs are slow. */
const DEAD_AFTER = 150_000;
const BEAT_PREFIX = "fluxprompt:tab:";

export const browserStorage: TextStorage = {
  names: () => Object.keys(localStorage),
  get: (name) => localStorage.getItem(name),
  set: (name, text) => localStorage.setItem(name, text),
  remove: (name) => localStorage.removeItem(name),
};

export function browserWorld(): World {
  return {
    now: () => Date.now(),
    later(run, milliseconds) {
      const timer = setTimeout(run, milliseconds);
      return () => clearTimeout(timer);
    },
    online: () => navigator.onLine,
    visible: () => document.visibilityState === "visible",
    onWake,
    random: () => Math.random(),
    uuid,
    live: (tab) => ("locks" in navigator ? holdLock(tab) : beat(tab)),
    inheriting: (tab, run) => ("locks" in navigator ? withLock(tab, run) : afterSilence(tab, run)),
  };
}

function onWake(listener: () => void): Cancel {
  const stop = new AbortController();
  const { signal } = stop;
  addEventListener("online", listener, { signal });
  addEventListener("pageshow", (event) => event.persisted && listener(), { signal });
  const seen = (): void => {
    if (document.visibilityState === "visible") listener();
  };
  document.addEventListener("visibilitychange", seen, { signal });
  return () => stop.abort();
}

/** Pages over plain http have no randomUUID. */
function uuid(): string {
  if ("randomUUID" in crypto) return crypto.randomUUID();
  const bytes = (crypto as Crypto).getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function holdLock(tab: string): void {
  // Held until the page is gone.
  void navigator.locks.request(BEAT_PREFIX + tab, () => new Promise(() => undefined));
}

async function withLock(tab: string, run: () => void): Promise<void> {
  await navigator.locks.request(BEAT_PREFIX + tab, { ifAvailable: true }, (lock) => {
    if (lock) run();
  });
}

function beat(tab: string): void {
  const say = (): void => {
    try {
      localStorage.setItem(BEAT_PREFIX + tab, String(Date.now()));
    } catch {
      // No room: another tab may send what is kept too; the ids make that harmless.
    }
  };
  say();
  setInterval(say, BEAT);
  addEventListener("pagehide", () => localStorage.removeItem(BEAT_PREFIX + tab));
  addEventListener("pageshow", say);
}

function afterSilence(tab: string, run: () => void): Promise<void> {
  const said = Number(localStorage.getItem(BEAT_PREFIX + tab) ?? 0);
  if (Date.now() - said > DEAD_AFTER) {
    localStorage.setItem(BEAT_PREFIX + tab, String(Date.now()));
    run();
    localStorage.removeItem(BEAT_PREFIX + tab);
  }
  return Promise.resolve();
}

/** Requests about the draft of one flow. */
export function browserTransport(flow: string): Transport {
  const address = `/flows/${flow}`;
  return {
    changes: (body, last) =>
      ask(`${address}/changes/`, { method: "POST", body, keepalive: last }),
    draft: () => ask(`${address}/draft/`, { method: "GET" }),
  };
}

/** Reads a pasted text that is no JSON on the server: see flows/views/paste.py. */
export function readOnServer(flow: string, text: string): Promise<Answer> {
  const body = JSON.stringify({ text });
  return ask(`/flows/${flow}/paste/`, { method: "POST", body });
}

async function ask(address: string, init: RequestInit): Promise<Answer> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (init.body) {
    headers["Content-Type"] = "application/json";
    headers["X-CSRFToken"] = csrfToken();
  }
  const signal = init.keepalive ? null : AbortSignal.timeout(ANSWER_WITHIN);
  // A redirect leads to the page to sign in on: following it would look like an answer.
  const answer = await fetch(address, {
    ...init,
    headers,
    signal,
    redirect: "manual",
    credentials: "same-origin",
  });
  const signedOut = answer.type === "opaqueredirect";
  const isJson = (answer.headers.get("Content-Type") ?? "").includes("json");
  const body: unknown = isJson ? await answer.json() : null;
  const seconds = Number(answer.headers.get("Retry-After") ?? 0);
  return { status: answer.status, body, signedOut, retryAfter: (seconds || 0) * 1_000 };
}

/** Who signed in anew in another tab has a new token: it is taken from the cookie each time. */
function csrfToken(): string {
  const name = document.querySelector<HTMLMetaElement>("meta[name=csrf-cookie]")?.content;
  const pair = document.cookie.split("; ").find((cookie) => cookie.startsWith(`${name}=`));
  return pair && name ? decodeURIComponent(pair.slice(name.length + 1)) : "";
}

/** The line of a flow's editor. */
export function browserLine(flow: string, tab: string, after: number): Line {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const address = `${scheme}://${location.host}/ws/flows/${flow}/?tab=${tab}&after=${after}`;
  const socket = new WebSocket(address);
  const line: Line = {
    onmessage: null,
    onclose: null,
    send: (text) => socket.send(text),
    close: () => socket.close(),
  };
  socket.addEventListener("message", (message) => line.onmessage?.({ data: message.data }));
  socket.addEventListener("close", ({ code }) => line.onclose?.({ code }));
  return line;
}
