// Undo and redo: named steps, typing as one, and nothing of others undone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { removeNodes } from "../src/editor/clipboard.ts";
import { Client } from "./support/client.ts";
import { FakeServer } from "./support/fake-server.ts";
import { Browser, Clock } from "./support/fake-world.ts";

const START = {
  name: "Flow",
  nodes: [
    { id: "start", type: "input" },
    { id: "llm", type: "llm", config: { prompt: "One", model: "m" } },
  ],
  edges: [{ from: "start", to: "llm" }],
};

function desk(): { clock: Clock; server: FakeServer; ada: Client } {
  const clock = new Clock();
  const server = new FakeServer(START);
  const ada = new Client(server, clock, new Browser(clock, () => 0.5));
  ada.link();
  return { clock, server, ada };
}

test("a flow that was just opened has nothing to undo", () => {
  const { ada } = desk();
  assert.deepEqual(ada.history.labels, { undo: null, redo: null });
  assert.equal(ada.history.undo(), null);
  assert.equal(ada.model.nodes.size, 2);
});

test("steps are named, and undone and redone in turn", async () => {
  const { ada, clock, server } = desk();
  const { label, ops } = removeNodes(ada.model, ["start", "llm"]);
  ada.sync.commit(label, ops);
  assert.equal(ada.history.labels.undo, "Undo: delete 2 nodes");
  assert.equal(ada.history.undo()?.message, "Undo: delete 2 nodes");
  assert.deepEqual(ada.history.labels, { undo: null, redo: "Redo: delete 2 nodes" });
  assert.deepEqual([...ada.model.edges.keys()], ["start>llm"]);
  ada.history.redo();
  assert.equal(ada.model.nodes.size, 0);
  ada.history.undo();
  await clock.pass(3_000);
  assert.equal(server.model.nodes.size, 2);
  assert.equal(server.log.at(-1)?.label, "Undo: delete 2 nodes");
});

test("typing within a second is one step, a pause begins another", async () => {
  const { ada, clock } = desk();
  for (const text of ["a", "ab", "abc"]) {
    ada.set("llm", text, "prompt");
    await clock.pass(500);
  }
  await clock.pass(1_200);
  ada.set("llm", "abcd", "prompt");
  ada.history.undo();
  assert.equal(ada.prompt("llm"), "abc");
  ada.history.undo();
  assert.equal(ada.prompt("llm"), "One");
  ada.history.redo();
  assert.equal(ada.prompt("llm"), "abc");
});

test("a new change forgets what was undone", () => {
  const { ada } = desk();
  ada.set("llm", "Two");
  ada.history.undo();
  ada.set("llm", "Three");
  assert.equal(ada.history.labels.redo, null);
});

test("what somebody else changed since is not undone, the rest is, and that is said", async () => {
  const { ada, clock, server } = desk();
  ada.sync.commit("Set the model", [
    { op: "set", node: "llm", path: ["config", "prompt"], value: "Two" },
    { op: "set", node: "llm", path: ["config", "model"], value: "n" },
  ]);
  await clock.pass(2_000);
  server.foreign([{ op: "set", node: "llm", path: ["config", "prompt"], value: "Theirs" }]);
  await clock.pass(2_000);
  const done = ada.history.undo();
  assert.deepEqual(ada.model.nodes.get("llm")?.config, { prompt: "Theirs", model: "m" });
  assert.equal(done?.skipped.length, 1);
  assert.match(done?.message ?? "", /One part of it could not be done: Somebody else changed it/);
});

test("an undo on a node that is gone says so and changes nothing", async () => {
  const { ada, clock, server } = desk();
  ada.set("llm", "Two");
  await clock.pass(2_000);
  server.foreign(removeNodes(server.model, ["llm"]).ops);
  await clock.pass(2_000);
  assert.match(ada.history.undo()?.message ?? "", /Nothing could be done: The node “llm”/);
  assert.equal(ada.history.labels.redo, null);
});

test("steps follow a node that somebody else renamed", async () => {
  const { ada, clock, server } = desk();
  ada.set("llm", "Two");
  await clock.pass(2_000);
  server.foreign([{ op: "rename_node", node: "llm", to: "model" }]);
  await clock.pass(2_000);
  ada.history.undo();
  assert.equal(ada.prompt("model"), "One");
});

test("a node that comes back gets another id where its own was taken", async () => {
  const { ada, clock, server } = desk();
  ada.sync.commit("Delete", removeNodes(ada.model, ["llm"]).ops);
  await clock.pass(2_000);
  server.foreign([{ op: "add_node", node: { id: "llm", type: "if" }, place: null }]);
  await clock.pass(2_000);
  ada.history.undo();
  assert.deepEqual([ada.model.nodes.get("llm")?.type, ada.prompt("llm_2")], ["if", "One"]);
  assert.ok(ada.model.edges.has("start>llm_2"));
});
