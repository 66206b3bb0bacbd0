// What the browser keeps: apart by flow, person and tab, in order, whatever lies beside it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { combined, firstBatch, parts } from "../src/editor/batches.ts";
import type { Op } from "../src/editor/ops.ts";
import { ChangeStore } from "../src/editor/store.ts";
import { Browser, Clock } from "./support/fake-world.ts";

const OPS: Op[] = [{ op: "set_flow", path: ["name"], value: "New" }];

function kept(id: string, sent = false): Parameters<ChangeStore["put"]>[1] {
  return { id, label: "Name", ops: OPS, base: 3, sent };
}

test("changes are read in their order, and forgotten by tab", () => {
  const { storage, items } = new Browser(new Clock(), () => 0.5);
  const [mine, other] = ["mine", "other"].map((tab) => new ChangeStore(storage, "f", "ada", tab));
  assert.ok(mine && other);
  for (const number of [10, 9, 100]) assert.ok(mine.put(number, kept(String(number), number === 9)));
  mine.putAside(4, { id: "x", label: "Lost", ops: OPS, conflicts: [] });
  assert.deepEqual(mine.others(), []);
  assert.deepEqual(other.others(), ["mine"]);
  const { changes, aside } = other.read("mine");
  assert.deepEqual(changes.map(({ id, sent }) => [id, sent]), [["9", true], ["10", false], ["100", false]]);
  assert.equal(aside[0]?.label, "Lost");
  mine.remove(9);
  assert.equal(other.read("mine").changes.length, 2);
  other.forget("mine");
  assert.equal(items.size, 0);
});

test("other flows, other people and other programs are not seen", () => {
  const { storage, items } = new Browser(new Clock(), () => 0.5);
  new ChangeStore(storage, "f", "ada", "a").put(1, kept("1"));
  new ChangeStore(storage, "g", "ada", "b").put(1, kept("2"));
  new ChangeStore(storage, "f", "eve", "c").put(1, kept("3"));
  items.set("theme", "dark");
  items.set("fluxprompt:changes:ada:f:a/change/0000000002", "{half");
  const store = new ChangeStore(storage, "f", "ada", "d");
  assert.deepEqual(store.others(), ["a"]);
  assert.deepEqual(store.read("a").changes.map(({ id }) => id), ["1"]);
});

test("a value that is set twice in one change is set once, to the last", () => {
  const set = (key: string, value: number): Op => ({ op: "set", node: "a", path: ["config", key], value });
  assert.deepEqual(combined([set("x", 1), set("y", 1)], [set("x", 2)]), [set("y", 1), set("x", 2)]);
  const add: Op = { op: "add_node", node: { id: "b", type: "llm" }, place: null };
  assert.equal(combined([set("x", 1), add], [set("x", 2)]).length, 3);
});

test("a request has what the server takes, and no change about a node that may get another id", () => {
  const add: Op = { op: "add_node", node: { id: "llm_2", type: "llm" }, place: null };
  const about: Op = { op: "set", node: "a", path: ["config", "x"], value: "{{ llm_2.text }}" };
  const batch = firstBatch([{ ops: OPS }, { ops: [add] }, { ops: OPS }, { ops: [about] }], 100);
  assert.equal(batch.length, 3);
  const many = Array.from({ length: 300 }, () => ({ ops: OPS }));
  assert.equal(firstBatch(many, 100).length, 100);
  const large = Array.from({ length: 10 }, () => ({ ops: [{ ...about, value: "ü".repeat(500_000) }] }));
  assert.equal(firstBatch(large, 100).length, 4);
});

test("a change that is too large for a request is cut between its operations", () => {
  const op: Op = { op: "pin", node: "a", value: "x".repeat(1_000_000) };
  assert.deepEqual(parts(Array.from({ length: 10 }, () => op)).map((part) => part.length), [4, 4, 2]);
  assert.equal(parts(OPS).length, 1);
});

test("a request gives no more nodes another name than the server takes", () => {
  const rename = (index: number): Op => ({ op: "rename_node", node: `a${index}`, to: `b${index}` });
  const all = Array.from({ length: 150 }, (_, index) => rename(index));
  assert.deepEqual(parts(all).map((part) => part.length), [100, 50]);
  const changes = [{ ops: all.slice(0, 60) }, { ops: all.slice(60, 120) }];
  assert.equal(firstBatch(changes, 100).length, 1);
});
