// Names: free ids, and other names in the texts that mention nodes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { freeId, idFrom, referenceSets, renameInText, renamedOp } from "../src/editor/names.ts";
import { ID_PATTERN } from "../src/editor/ops.ts";

test("an id is made of a label or type, and is valid whatever it was", () => {
  const wishes: [string, string][] = [
    ["llm", "llm"],
    ["Sort the Tickets!", "sort_the_tickets"],
    ["Écrire à Zoë", "ecrire_a_zoe"],
    ["2nd answer", "node_2nd_answer"],
    ["日本語", "node"],
    ["", "node"],
    ["__x__", "x"],
  ];
  for (const [wish, id] of wishes) assert.equal(idFrom(wish), id);
  for (const wish of ["x".repeat(200), `${"x".repeat(62)} y`, "9".repeat(99)]) {
    assert.match(freeId(wish, new Set()), ID_PATTERN);
  }
});

test("the next free number is taken, and numbers go on", () => {
  const taken = new Set(["llm", "llm_2", "rows_9"]);
  assert.equal(freeId("llm", taken), "llm_3");
  assert.equal(freeId("llm_2", taken), "llm_3");
  assert.equal(freeId("rows_9", taken), "rows_10");
  const long = "x".repeat(63);
  assert.match(freeId(long, new Set([long])), /^x{61}_2$/);
});

test("names that mean something in expressions are not given", () => {
  for (const word of ["run", "item", "If", "state"]) {
    assert.equal(freeId(word, new Set()), `${word.toLowerCase()}_2`);
  }
});

test("references get the new name, and nothing else does", () => {
  const ids = new Map([["a", "b"]]);
  const texts: [string, string][] = [
    ["{{ a.text }}", "{{ b.text }}"],
    ["a {{ a }} a", "a {{ b }} a"],
    ["{{a['a'].a | a}}", "{{b['a'].a | a}}"],
    ["{{ x.a + a[\"a\"] }}", "{{ x.a + b[\"a\"] }}"],
    ["{{ {'a': a} }}", "{{ {'a': b} }}"],
    ["{{ ab + _a + a_ }}", "{{ ab + _a + a_ }}"],
    ["{{ x | round(a=a) }} {{ a == 1 }}", "{{ x | round(a=b) }} {{ b == 1 }}"],
    ["{% if a %}a{% endif %}", "{% if b %}a{% endif %}"],
    ["{% for a in x %}{{ a }}{% endfor %}", "{% for a in x %}{{ a }}{% endfor %}"],
    ["{% for y in a %}{{ y.a }}{% endfor %}", "{% for y in b %}{{ y.a }}{% endfor %}"],
    ["{{ \"}} a\" ~ a }} a", "{{ \"}} a\" ~ b }} a"],
    ["{{ a", "{{ b"],
    ["no a here", "no a here"],
  ];
  for (const [before, after] of texts) assert.equal(renameInText(before, ids), after);
});

test("names that are exchanged are not mixed up", () => {
  const ids = new Map([["a", "b"], ["b", "a"]]);
  assert.equal(renameInText("{{ a.x ~ b.y }}", ids), "{{ b.x ~ a.y }}");
});

test("an operation is renamed in its node, its edges and its texts", () => {
  const ids = new Map([["a", "b"]]);
  const node = { id: "x", type: "llm", parent: "a", config: { prompt: "{{ a }}", list: ["{{ a }}"] } };
  assert.deepEqual(renamedOp({ op: "add_node", node, place: null }, ids), {
    op: "add_node",
    node: { id: "x", type: "llm", parent: "b", config: { prompt: "{{ b }}", list: ["{{ b }}"] } },
    place: null,
  });
  const edge = renamedOp({ op: "add_edge", edge: { from: "a.true", to: "a" } }, ids);
  assert.deepEqual(edge, { op: "add_edge", edge: { from: "b.true", to: "b" } });
  const label = { op: "set", node: "a", path: ["label"], value: "{{ a }}" } as const;
  assert.deepEqual(renamedOp(label, ids), { ...label, node: "b" });
});

test("the texts that a rename changes are set one by one", () => {
  const nodes = [
    { id: "a", type: "llm", config: { prompt: "{{ a.x }}", model: "a" } },
    { id: "c", type: "if", config: { condition: "{{ x }}" }, retry: { if: "{{ a.y }}" } },
  ];
  assert.deepEqual(referenceSets(nodes, "a", "b"), [
    { op: "set", node: "b", path: ["config", "prompt"], value: "{{ b.x }}" },
    { op: "set", node: "c", path: ["retry", "if"], value: "{{ b.y }}" },
  ]);
});
