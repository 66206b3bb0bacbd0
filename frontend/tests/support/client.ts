// One editor in a fake browser: as openSession puts it together, with a network that may fail.
import { History } from "../../src/editor/history.ts";
import { FlowModel } from "../../src/editor/model.ts";
import type { Applied, FlowDocument, Json } from "../../src/editor/ops.ts";
import type { Notice } from "../../src/editor/pending.ts";
import { follow } from "../../src/editor/session.ts";
import { ChangeStore } from "../../src/editor/store.ts";
import { Sync } from "../../src/editor/sync.ts";
import type { Answer, Transport } from "../../src/editor/world.ts";
import type { FakeServer } from "./fake-server.ts";
import type { Browser, Clock, Tab } from "./fake-world.ts";

/** What the network does to the next request. */
export type Fate = "fine" | "lost" | "answer lost" | "twice";

export class Network implements Transport {
  fate: () => Fate = () => "fine";
  delay: () => number = () => 20;
  private readonly server: FakeServer;
  private readonly clock: Clock;
  private readonly tab: Tab;

  constructor(server: FakeServer, clock: Clock, tab: Tab) {
    this.server = server;
    this.clock = clock;
    this.tab = tab;
  }

  changes(body: string): Promise<Answer> {
    return this.request(() => this.server.changes(body));
  }

  draft(): Promise<Answer> {
    return this.request(() => this.server.draft());
  }

  private request(serve: () => Answer): Promise<Answer> {
    const fate = this.tab.isOnline ? this.fate() : "lost";
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error("No answer."));
      this.clock.later(() => {
        if (fate === "lost") return fail();
        const answer = serve();
        if (fate === "twice") this.clock.later(() => void serve(), this.delay() * 5);
        const arrives = fate === "answer lost" ? fail : () => resolve(answer);
        this.clock.later(arrives, this.delay());
      }, this.delay());
    });
  }
}

export class Client {
  readonly model: FlowModel;
  readonly sync: Sync;
  readonly history: History;
  readonly browser: Browser;
  readonly tab: Tab;
  readonly network: Network;
  readonly store: ChangeStore;
  readonly notices: Notice[] = [];
  readonly states: string[] = [];
  readonly renamed: [string, string][] = [];
  private stopListening: () => void = () => undefined;
  private readonly server: FakeServer;
  private readonly clock: Clock;

  constructor(server: FakeServer, clock: Clock, browser: Browser, person = "ada", isStill = false) {
    this.server = server;
    this.clock = clock;
    this.browser = browser;
    this.tab = browser.tab();
    this.network = new Network(server, clock, this.tab);
    const opened = (server.instead ? null : server.draft().body) as {
      revision: number;
      document: FlowDocument;
      pins: Record<string, Json>;
    };
    this.model = new FlowModel(opened.document, opened.pins);
    this.store = new ChangeStore(browser.storage, "flow", person, this.tab.uuid());
    this.sync = new Sync({
      model: this.model,
      revision: opened.revision,
      store: this.store,
      transport: this.network,
      world: this.tab,
      isStill,
    });
    this.history = new History(this.sync, this.tab.now);
    follow(this.sync, this.history);
    const { onRenamed } = this.sync;
    this.sync.onRenamed = (ids) => {
      this.renamed.push(...ids);
      onRenamed(ids);
    };
    this.sync.onConflicts = (notices) => this.notices.push(...notices);
    this.sync.onState = ({ kind }) => this.states.push(kind);
    void this.sync.inherit();
  }

  /** A line over which changes come `delay` milliseconds after they were made. */
  link(delay = 10): void {
    this.unlink();
    const send = (change: Applied): void => {
      this.clock.later(() => this.isLinked(stop) && this.sync.receive([change]), delay);
    };
    const stop = this.server.onChange(send);
    this.stopListening = stop;
    const after = this.sync.base;
    const missed = this.server.log.filter(({ revision }) => revision > after);
    this.clock.later(() => {
      if (!this.isLinked(stop)) return;
      this.sync.hello(this.server.revision);
      this.sync.receive(JSON.parse(JSON.stringify(missed)) as Applied[]);
    }, delay);
  }

  unlink(): void {
    this.stopListening();
    this.stopListening = () => undefined;
    this.sync.linked(false);
  }

  goOffline(): void {
    this.tab.isOnline = false;
    this.unlink();
  }

  goOnline(): void {
    this.tab.isOnline = true;
    this.tab.wake();
  }

  /** The tab is gone without a word. */
  crash(): void {
    this.unlink();
    this.tab.die();
    this.sync.close();
  }

  set(node: string, value: string, group?: string): void {
    const op = { op: "set", node, path: ["config", "prompt"], value } as const;
    this.sync.commit("Type", [op], group ? { group } : {});
  }

  prompt(node: string): unknown {
    return this.model.nodes.get(node)?.config?.["prompt"];
  }

  get kept(): number {
    return this.sync.state.kept;
  }

  private isLinked(stop: () => void): boolean {
    return this.stopListening === stop && !this.tab.isDead;
  }
}
