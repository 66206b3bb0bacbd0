// Many editors of one flow over a bad network end with the server's flow, and lose nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pasteClip, removeNodes, duplicateNodes } from "../src/editor/clipboard.ts";
import { freeId } from "../src/editor/names.ts";
import type { Op } from "../src/editor/ops.ts";
import { Client } from "./support/client.ts";
import { FakeServer } from "./support/fake-server.ts";
import { Browser, Clock } from "./support/fake-world.ts";
import { Random } from "./support/random.ts";

const START = {
  name: "Shared",
  nodes: [
    { id: "start", type: "input" },
    { id: "rows", type: "map", config: { items: "{{ start.rows }}" } },
    { id: "inner", type: "llm", parent: "rows", config: { prompt: "{{ item }} {{ rows.index }}" } },
    { id: "end", type: "output", config: { value: "{{ rows.items }}" } },
  ],
  edges: [
    { from: "start", to: "rows" },
    { from: "rows", to: "end" },
  ],
  layout: { start: { x: 0, y: 0 } },
};

/** One run: some people in some browsers, who do things at random; every value has a name. */
class World {
  readonly clock = new Clock();
  readonly random: Random;
  readonly server = new FakeServer(START);
  readonly browsers: Browser[];
  readonly clients: Client[] = [];
  readonly gone: Client[] = [];
  /** Values that were set, which must be found again. */
  readonly values: string[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
    this.browsers = [0, 1, 2].map(() => new Browser(this.clock, this.random.next));
    for (const browser of this.browsers) this.open(browser);
    this.open(this.browsers[0] as Browser);
  }

  open(browser: Browser): void {
    const client = new Client(this.server, this.clock, browser);
    client.network.delay = () => 5 + this.random.below(200);
    client.network.fate = () => {
      const chance = this.random.next();
      return chance < 0.08 ? "lost" : chance < 0.18 ? "answer lost" : chance < 0.3 ? "twice" : "fine";
    };
    client.link(this.random.below(80));
    this.clients.push(client);
  }

  async act(): Promise<void> {
    const index = this.random.below(this.clients.length);
    const client = this.clients[index] as Client;
    const chance = this.random.next();
    if (chance < 0.03) client.goOffline();
    else if (chance < 0.07) {
      client.goOnline();
      client.link(this.random.below(80));
    } else if (chance < 0.09) client.unlink();
    else if (chance < 0.12) this.reload(index);
    else if (chance < 0.125) this.server.forgetLog();
    else if (chance < 0.16) client.history.undo();
    else if (chance < 0.18) client.history.redo();
    else this.edit(client);
    await this.clock.pass(this.random.below(300));
  }

  private reload(index: number): void {
    const [client] = this.clients.splice(index, 1);
    if (!client) return;
    if (this.random.chance(0.5)) client.sync.leave();
    client.crash();
    this.gone.push(client);
    this.open(client.browser);
  }

  private value(): string {
    const value = `value-${this.values.length}-`;
    this.values.push(value);
    return value;
  }

  private edit(client: Client): void {
    const { model } = client;
    const before = this.values.length;
    const ids = [...model.nodes.keys()];
    const id = this.random.pick(ids) ?? "";
    const kinds: (() => [string, readonly Op[]])[] = [
      () => ["Add", this.adding(client)],
      () => ["Type", [{ op: "set", node: id, path: ["config", "prompt"], value: this.value() }]],
      () => ["Type", [{ op: "set", node: id, path: ["label"], value: this.value() }]],
      () => ["Move", [{ op: "place", node: id, place: { x: this.random.below(900), y: 0 } }]],
      () => ["Connect", [{ op: "add_edge", edge: { from: id, to: this.random.pick(ids) ?? "" } }]],
      () => ["Disconnect", [...model.edges.values()].slice(0, 1).map((edge) => ({ op: "remove_edge", edge }))],
      () => ["Delete", this.random.chance(0.3) ? removeNodes(model, [id]).ops : []],
      () => ["Rename", [{ op: "rename_node", node: id, to: freeId(`name_${this.random.below(9)}`, model.nodes) }]],
      () => ["Name", [{ op: "set_flow", path: ["name"], value: this.value() }]],
      () => ["Pin", [{ op: "pin", node: id, value: this.value() }]],
      () => ["Duplicate", duplicateNodes(model, [id]).ops],
    ];
    const [label, ops] = (this.random.pick(kinds) as (typeof kinds)[0])();
    const whole = model.applyEach(ops);
    whole.restore();
    if (whole.failed.length === 0 && client.sync.commit(label, ops)) return;
    this.values.length = before;
  }

  /** Editors that do not know of each other choose the same ids. */
  private adding(client: Client): readonly Op[] {
    const node = { id: "llm", type: "llm", config: { prompt: this.value() } };
    const clip = { schema: "fluxprompt.clip/v1", nodes: [node], edges: [], layout: {} } as const;
    const { ops, ids } = pasteClip(client.model, clip);
    return [...ops, { op: "add_edge", edge: { from: "start", to: ids.get("llm") ?? "" } }].filter(
      () => client.model.nodes.has("start"),
    ) as Op[];
  }

  /** Everybody is there again, and the network works. */
  async calm(): Promise<void> {
    for (const client of this.clients) {
      client.network.fate = () => "fine";
      client.goOnline();
      client.link();
    }
    await this.clock.pass(200_000);
  }
}

function heldBy(client: Client): string {
  return JSON.stringify([client.notices, client.sync.aside]);
}

async function runs(seed: number, steps: number): Promise<World> {
  const world = new World(seed);
  for (let step = 0; step < steps; step += 1) await world.act();
  await world.calm();
  return world;
}

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);

test("all editors end with the server's flow, saved, with nothing kept", async () => {
  for (const seed of SEEDS) {
    const { server, clients, browsers } = await runs(seed, 120);
    assert.ok(server.log.length > 20, `seed ${seed}: ${server.log.length} changes`);
    for (const client of clients) {
      assert.equal(JSON.stringify(client.sync.state), '{"kind":"saved","kept":0}', `seed ${seed}`);
      assert.equal(client.sync.base, server.revision);
      assert.deepEqual(client.model.document(), server.model.document(), `seed ${seed}`);
      assert.deepEqual(
        [...client.model.nodes.keys(), ...client.model.edges.keys()],
        [...server.model.nodes.keys(), ...server.model.edges.keys()],
        `seed ${seed}: order`,
      );
      assert.deepEqual(new Map(client.model.pins), new Map(server.model.pins));
    }
    const kept = browsers.flatMap(({ items }) => [...items.keys()]);
    assert.deepEqual(kept.filter((name) => name.includes("/change/")), [], `seed ${seed}`);
  }
});

test("no edit is lost: each is in the server's log, or said as a conflict", async () => {
  for (const seed of SEEDS) {
    const { server, clients, gone, values } = await runs(seed + 1_000, 120);
    const log = JSON.stringify(server.log.map(({ ops }) => ops));
    const said = [...clients, ...gone].map(heldBy).join();
    const lost = values.filter((value) => !log.includes(value) && !said.includes(value));
    assert.deepEqual(lost, [], `seed ${seed}`);
    assert.ok(values.length > 20);
  }
});

test("what was sent stays as it is when it is sent again", async () => {
  let again = 0;
  for (const seed of SEEDS) {
    const { server } = await runs(seed + 2_000, 120);
    const ids = server.log.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const first = new Map<string, string>();
    for (const change of server.received.flatMap(({ changes }) => changes)) {
      const text = JSON.stringify(change);
      if (first.has(change.id)) again += 1;
      assert.equal(text, first.get(change.id) ?? text, `seed ${seed}`);
      first.set(change.id, text);
    }
  }
  assert.ok(again > 50, `${again} were sent again.`);
});
