// The model: changes are applied wholly or not at all, and are taken back exactly.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FlowModel, OpFailed } from "../src/editor/model.ts";
import type { FlowDocument, Op } from "../src/editor/ops.ts";
import { lowestOf } from "./support/timing.ts";

const DOCUMENT: FlowDocument = {
  name: "Greeting",
  nodes: [
    { id: "start", type: "input", config: { fields: [{ name: "name" }] } },
    { id: "rows", type: "map", config: { items: "{{ start.names }}" } },
    { id: "shout", type: "template", parent: "rows", config: { template: "{{ item }}!" } },
    { id: "result", type: "output", config: { value: "{{ rows.items }}" } },
  ],
  edges: [
    { from: "start", to: "rows" },
    { from: "rows.out", to: "result" },
  ],
  layout: { start: { x: 0, y: 0 }, rows: { x: 300, y: 0 } },
};

function flow(): FlowModel {
  return new FlowModel(DOCUMENT, { shout: { text: "hi" } });
}

function stateOf(model: FlowModel): string {
  return JSON.stringify([model.document(), [...model.pins]]);
}

function failing(run: () => unknown): OpFailed {
  try {
    run();
  } catch (error) {
    if (error instanceof OpFailed) return error;
  }
  return assert.fail("The operation was applied.");
}

const EVERY_OP: Op[] = [
  { op: "add_node", node: { id: "llm", type: "llm", label: "", config: {} }, place: { x: 5, y: 6 } },
  { op: "add_edge", edge: { from: "start.out", to: "llm" } },
  { op: "set", node: "llm", path: ["config", "prompt"], value: "Hello" },
  { op: "set", node: "llm", path: ["config", "memory", "turns"], value: 3 },
  { op: "place", node: "rows", place: { x: 1, y: 2, width: 3, height: 4 } },
  { op: "pin", node: "start", value: { name: "Ada" } },
  { op: "pin", node: "shout", value: null },
  { op: "set_flow", path: ["name"], value: "Other" },
  { op: "set_flow", path: ["settings", "timeout_seconds"], value: 60 },
  { op: "rename_node", node: "rows", to: "lines" },
  { op: "remove_edge", edge: { from: "start", to: "lines" } },
  { op: "remove_edge", edge: { from: "lines", to: "result" } },
  { op: "remove_node", node: "shout" },
  { op: "remove_node", node: "lines" },
];

test("the inverse of every operation brings the draft back", () => {
  const model = flow();
  const before = model.document();
  const { inverse } = model.apply(EVERY_OP);
  assert.deepEqual([...model.nodes.keys()], ["start", "result", "llm"]);
  assert.equal(model.head.name, "Other");
  model.apply(inverse);
  const sorted = (document: FlowDocument): unknown => ({
    ...document,
    nodes: [...document.nodes].sort((a, b) => a.id.localeCompare(b.id)),
    edges: [...(document.edges ?? [])].sort((a, b) => a.to.localeCompare(b.to)),
  });
  assert.deepEqual(sorted(model.document()), sorted(before));
  assert.deepEqual([...model.pins], [["shout", { text: "hi" }]]);
});

test("taking a change back restores the order of nodes and edges too", () => {
  const model = flow();
  const before = stateOf(model);
  const { restore } = model.apply(EVERY_OP);
  assert.notEqual(stateOf(model), before);
  restore();
  assert.equal(stateOf(model), before);
});

test("a change of which one operation fails changes nothing", () => {
  for (let cut = 1; cut <= EVERY_OP.length; cut += 1) {
    const model = flow();
    const before = stateOf(model);
    const bad: Op = { op: "remove_node", node: "nosuch" };
    const error = failing(() => model.apply([...EVERY_OP.slice(0, cut), bad]));
    assert.equal(error.index, cut);
    assert.equal(error.code, "node_gone");
    assert.equal(stateOf(model), before);
  }
});

test("operations that cannot be are refused with their reason", () => {
  const refused: [Op, string][] = [
    [{ op: "add_node", node: { id: "start", type: "llm" }, place: null }, "id_taken"],
    [{ op: "add_node", node: { id: "No", type: "llm" }, place: null }, "invalid"],
    [{ op: "add_node", node: { id: "a", type: "llm", parent: "nosuch" }, place: null }, "node_gone"],
    [{ op: "remove_node", node: "rows" }, "invalid"],
    [{ op: "set", node: "nosuch", path: ["label"], value: "x" }, "node_gone"],
    [{ op: "set", node: "start", path: ["id"], value: "x" }, "invalid"],
    [{ op: "set", node: "start", path: ["type"] }, "invalid"],
    [{ op: "set", node: "start", path: ["config", "fields", "0"], value: 1 }, "invalid"],
    [{ op: "set", node: "rows", path: ["parent"], value: "shout" }, "invalid"],
    [{ op: "place", node: "nosuch", place: null }, "node_gone"],
    [{ op: "add_edge", edge: { from: "start.out", to: "rows" } }, "edge_exists"],
    [{ op: "add_edge", edge: { from: "start.no", to: "start" } }, "not_connectable"],
    [{ op: "add_edge", edge: { from: "start", to: "nosuch" } }, "node_gone"],
    [{ op: "remove_edge", edge: { from: "start.no", to: "rows" } }, "edge_gone"],
    [{ op: "rename_node", node: "start", to: "rows" }, "id_taken"],
    [{ op: "set_flow", path: ["name"], value: "" }, "invalid"],
    [{ op: "set_flow", path: ["nodes"], value: [] }, "invalid"],
    [{ op: "set_flow", path: ["settings"], value: "x" }, "invalid"],
    [{ op: "pin", node: "nosuch", value: 1 }, "node_gone"],
  ];
  for (const [op, code] of refused) {
    const model = flow();
    const before = stateOf(model);
    assert.equal(failing(() => model.apply([op])).code, code, JSON.stringify(op));
    assert.equal(stateOf(model), before);
  }
});

test("what can be applied of a change is, unless an id is taken", () => {
  const model = flow();
  const label: Op = { op: "set", node: "start", path: ["label"], value: "Begin" };
  const gone: Op = { op: "set", node: "nosuch", path: ["label"], value: "x" };
  const some = model.applyEach([gone, label]);
  assert.deepEqual(some.done, [label]);
  assert.deepEqual(some.failed.map(({ error }) => error.code), ["node_gone"]);
  const taken: Op = { op: "add_node", node: { id: "rows", type: "llm" }, place: null };
  const none = model.applyEach([{ ...label, value: "Never" }, taken]);
  assert.deepEqual(none.done, []);
  assert.equal(model.nodes.get("start")?.label, "Begin");
});

test("what a change touched is named", () => {
  const model = flow();
  const { touched } = model.apply([
    { op: "place", node: "start", place: { x: 9, y: 9 } },
    { op: "add_edge", edge: { from: "start", to: "result" } },
  ]);
  assert.deepEqual([[...touched.nodes], [...touched.edges], [...touched.places]], [
    [],
    ["start>result"],
    ["start"],
  ]);
  assert.equal(touched.order || touched.head, false);
});

test("a renamed node keeps its place in the order, its edges, children, place and pin", () => {
  const model = new FlowModel(DOCUMENT, { rows: 1 });
  model.apply([{ op: "rename_node", node: "rows", to: "lines" }]);
  assert.deepEqual([...model.nodes.keys()], ["start", "lines", "shout", "result"]);
  assert.deepEqual([...model.edges.keys()], ["start>lines", "lines>result"]);
  assert.equal(model.nodes.get("shout")?.parent, "lines");
  assert.deepEqual(model.places.get("lines"), { x: 300, y: 0 });
  assert.deepEqual([...model.pins], [["lines", 1]]);
  assert.deepEqual([...model.childrenOf("lines")], ["shout"]);
});

test("values that were given or read cannot be changed from outside", () => {
  const model = flow();
  const config = { headers: { a: "1" } };
  model.apply([{ op: "set", node: "start", path: ["config"], value: config }]);
  config.headers.a = "2";
  assert.deepEqual(model.nodes.get("start")?.config, { headers: { a: "1" } });
  const read = model.nodes.get("start")?.config as { headers: { a: string } };
  assert.throws(() => {
    read.headers.a = "3";
  });
});

test("keys of objects may have any name", () => {
  const model = flow();
  const path = ["config", "__proto__", "constructor"];
  const { inverse } = model.apply([{ op: "set", node: "start", path, value: 1 }]);
  const text = JSON.stringify(model.nodes.get("start")?.config);
  assert.match(text, /"__proto__":\{"constructor":1\}/);
  model.apply(inverse);
  assert.deepEqual(model.document(), flow().document());
});

test("1,000 moves are applied and undone in less than 10 ms", () => {
  const nodes = Array.from({ length: 1_000 }, (_, at) => ({ id: `n${at}`, type: "llm" }));
  const model = new FlowModel({ name: "Large", nodes });
  const ops = nodes.map(({ id }, at): Op => ({ op: "place", node: id, place: { x: at, y: at } }));
  const milliseconds = lowestOf(9, () => {
    const { inverse } = model.apply(ops);
    model.apply(inverse);
  });
  assert.equal(model.places.size, 0);
  assert.ok(milliseconds < 10, `It took ${milliseconds} ms.`);
});

test("2,000 nodes with 10,000 edges are removed and brought back in less than 300 ms", () => {
  const nodes = Array.from({ length: 2_000 }, (_, at) => ({ id: `n${at}`, type: "llm" }));
  const edges = Array.from({ length: 10_000 }, (_, at) => ({
    from: `n${at % 2_000}.p${Math.floor(at / 2_000)}`,
    to: `n${(at + 1) % 2_000}`,
  }));
  const model = new FlowModel({ name: "Largest", nodes, edges });
  const before = stateOf(model);
  const ops: Op[] = [
    ...edges.map((edge): Op => ({ op: "remove_edge", edge })),
    ...nodes.map((node): Op => ({ op: "remove_node", node: node.id })),
  ];
  const milliseconds = lowestOf(3, () => model.apply(ops).restore());
  assert.equal(stateOf(model), before);
  assert.ok(milliseconds < 300, `It took ${milliseconds} ms.`);
});
