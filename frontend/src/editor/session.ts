// One open flow in one tab: model, sync, history and line, put together.
import { browserLine, browserStorage, browserTransport, browserWorld } from "./browser.ts";
import { FlowSocket } from "./flow-socket.ts";
import { History } from "./history.ts";
import { FlowModel } from "./model.ts";
import type { FlowDocument, Json } from "./ops.ts";
import { ChangeStore } from "./store.ts";
import { Sync } from "./sync.ts";
import { tellMaintenance } from "../toasts.ts";

export interface Opened {
  readonly flow: string;
  /** Who edits: what is kept in the browser is kept for each person apart. */
  readonly person: string;
  readonly revision: number;
  readonly document: FlowDocument;
  readonly pins: Readonly<Record<string, Json>>;
  /** The person may look only: nothing is sent, also nothing that another tab kept. */
  readonly readOnly?: boolean;
  /** The flow as it was: the page follows nobody, and `start` does nothing. */
  readonly isPast?: boolean;
}

export interface Session {
  readonly model: FlowModel;
  readonly sync: Sync;
  readonly history: History;
  readonly socket: FlowSocket;
}

/**
 * Everything behind the canvas. Set `sync.onTouched` and its neighbours, then call `start`.
 * `sync.onCommit`, `onForeign` and `onRenamed` belong to the history.
 */
export function openSession(opened: Opened): Session & { start(): void } {
  const world = browserWorld();
  const { flow, person, revision, document: draft, pins } = opened;
  const model = new FlowModel(draft, pins);
  const store = new ChangeStore(browserStorage, flow, person, world.uuid());
  // Who may look only sends nothing, also nothing that a tab kept when they might.
  if (opened.readOnly) store.others = () => [];
  const isStill = opened.isPast ?? false;
  const transport = browserTransport(flow);
  const sync = new Sync({ model, revision, store, transport, world, isStill });
  const history = new History(sync, world.now);
  follow(sync, history);
  const connect = (after: number): ReturnType<typeof browserLine> =>
    browserLine(flow, sync.tab, after);
  const socket = new FlowSocket(connect, () => sync.base, world);
  socket.onHello = (known) => sync.hello(known);
  socket.onChanges = (changes) => sync.receive(changes);
  socket.onLink = (isUp) => sync.linked(isUp);
  socket.onPeople = (people) => sync.onPeople(people);
  socket.onRefused = () => sync.ask();
  socket.onMaintenance = (told) =>
    tellMaintenance(told, "What you change is kept here and saved afterwards.");
  const start = (): void => {
    if (isStill) return;
    addEventListener("pagehide", () => sync.leave());
    addEventListener("beforeunload", () => sync.leave());
    socket.open();
    void sync.inherit();
  };
  return { model, sync, history, socket, start };
}

/** The history learns what was done, by whom, and of names that changed. */
export function follow(sync: Sync, history: History): void {
  sync.onCommit = ({ label, ops, outcome, group }) =>
    history.push(label, ops, outcome.inverse, group);
  sync.onForeign = (ops) => history.foreign(ops);
  sync.onRenamed = (ids) => history.renamed(ids);
}
