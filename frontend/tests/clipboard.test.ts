// Copy and paste: inner wires and references stay together, ids are free, secrets stay behind.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  clipIn,
  copyNodes,
  duplicateNodes,
  pasteClip,
  removeNodes,
} from "../src/editor/clipboard.ts";
import { FlowModel } from "../src/editor/model.ts";
import type { FlowDocument } from "../src/editor/ops.ts";
import { recognise } from "../src/editor/paste.ts";
import type { Answer } from "../src/editor/world.ts";

const DOCUMENT: FlowDocument = {
  name: "Orders",
  nodes: [
    { id: "start", type: "input" },
    {
      id: "call",
      type: "http",
      config: {
        url: "https://example.com/{{ start.id }}",
        credential: "cred_1",
        headers: { Authorization: "Bearer s3cret", Accept: "text/plain", "X-Api-Key": "{{ vars.key }}" },
        tools: [{ name: "a", credential: "cred_2" }],
      },
    },
    { id: "rows", type: "map", config: { items: "{{ call.json }}" } },
    { id: "line", type: "template", parent: "rows", config: { template: "{{ item }} {{ call.status }}" } },
    { id: "end", type: "output", config: { value: "{{ rows.items }}" } },
  ],
  edges: [
    { from: "start", to: "call" },
    { from: "call", to: "rows" },
    { from: "rows", to: "end" },
  ],
  layout: { call: { x: 100, y: 50 }, rows: { x: 400, y: 50 }, line: { x: 430, y: 180 } },
};
const SECRETS = { http: new Set(["credential", "tools.*.credential"]) };

function configOf(model: FlowModel, id: string): Record<string, unknown> {
  return (model.nodes.get(id)?.config ?? {}) as Record<string, unknown>;
}

test("copied nodes take what is in them and the wires between them along", () => {
  const { clip } = copyNodes(new FlowModel(DOCUMENT), ["call", "rows"], {});
  assert.deepEqual(clip.nodes.map(({ id }) => id), ["call", "rows", "line"]);
  assert.deepEqual(clip.edges, [{ from: "call", to: "rows" }]);
  assert.deepEqual(Object.keys(clip.layout), ["call", "rows", "line"]);
});

test("secrets never enter the clipboard, and what was left out is named", () => {
  const { text, leftOut } = copyNodes(new FlowModel(DOCUMENT), ["call"], SECRETS);
  for (const secret of ["cred_1", "cred_2", "s3cret"]) assert.ok(!text.includes(secret));
  assert.ok(text.includes("{{ vars.key }}") && text.includes("text/plain"));
  assert.deepEqual(leftOut, [
    "call.config.credential",
    "call.config.headers.Authorization",
    "call.config.tools.0.credential",
  ]);
});

test("pasted nodes have free ids, and mention each other by them", () => {
  const model = new FlowModel(DOCUMENT);
  const { text } = copyNodes(model, ["call", "rows"], SECRETS);
  const clip = clipIn(text);
  assert.ok(clip);
  const { ops, label, ids } = pasteClip(model, clip, { at: { x: 0, y: 500 } });
  model.apply(ops);
  assert.equal(label, "Paste 3 nodes");
  assert.deepEqual([...ids.values()], ["call_2", "rows_2", "line_2"]);
  assert.equal(configOf(model, "rows_2")["items"], "{{ call_2.json }}");
  assert.equal(configOf(model, "line_2")["template"], "{{ item }} {{ call_2.status }}");
  assert.equal(configOf(model, "call_2")["url"], "https://example.com/{{ start.id }}");
  assert.equal(model.nodes.get("line_2")?.parent, "rows_2");
  assert.ok(model.edges.has("call_2>rows_2") && !model.edges.has("start>call_2"));
  assert.deepEqual(model.places.get("call_2"), { x: 0, y: 500 });
  assert.deepEqual(model.places.get("line_2"), { x: 330, y: 630 });
});

test("a child that is pasted goes into the wanted container, or none", () => {
  const { clip } = copyNodes(new FlowModel(DOCUMENT), ["line"], {});
  const here = new FlowModel(DOCUMENT);
  const there = new FlowModel({ name: "Other", nodes: [{ id: "rows", type: "llm" }] });
  const parent = (model: FlowModel, wanted?: string | null): string | undefined => {
    const { ops, ids } = pasteClip(model, clip, wanted === undefined ? {} : { parent: wanted });
    const { restore } = model.apply(ops);
    const found = model.nodes.get(ids.get("line") ?? "")?.parent;
    restore();
    return found;
  };
  assert.equal(parent(here), "rows");
  assert.equal(parent(here, null), undefined);
  assert.equal(parent(there), undefined);
});

test("a start that is there stands for the pasted one, in wires and in references", () => {
  const { clip } = copyNodes(new FlowModel(DOCUMENT), ["start", "call"], {});
  const paste = (parent: string | null): FlowModel => {
    const nodes = [{ id: "begin", type: "input" }, { id: "box", type: "map" }];
    const model = new FlowModel({ name: "Other", nodes });
    const instead = new Map([["start", "begin"]]);
    const { ops, label, done } = pasteClip(model, clip, { parent, instead });
    assert.deepEqual([label, done], ["Paste “call”", "Pasted “call”"]);
    model.apply(ops);
    return model;
  };
  const beside = paste(null);
  assert.deepEqual([...beside.nodes.keys()], ["begin", "box", "call"]);
  assert.equal(configOf(beside, "call")["url"], "https://example.com/{{ begin.id }}");
  assert.deepEqual([...beside.edges.keys()], ["begin>call"]);
  assert.equal(paste("box").edges.size, 0);
});

test("a duplicate keeps its credentials and stands beside", () => {
  const model = new FlowModel(DOCUMENT);
  const { ops, label } = duplicateNodes(model, ["call"]);
  model.apply(ops);
  assert.equal(label, "Duplicate “call”");
  assert.equal(configOf(model, "call_2")["credential"], "cred_1");
  assert.deepEqual(model.places.get("call_2"), { x: 140, y: 90 });
});

test("nodes are removed with their wires and what is in them", () => {
  const model = new FlowModel(DOCUMENT);
  const { ops, label } = removeNodes(model, ["rows"]);
  model.apply(ops);
  assert.equal(label, "Delete 2 nodes");
  assert.deepEqual([...model.nodes.keys()], ["start", "call", "end"]);
  assert.deepEqual([...model.edges.keys()], ["start>call"]);
});

test("a whole flow of 500 nodes is pasted twice without a clash", () => {
  const nodes = Array.from({ length: 500 }, (_, at) => ({ id: `n_${at}`, type: "llm" }));
  const model = new FlowModel({ name: "Large", nodes });
  const { clip } = copyNodes(model, model.nodes.keys(), {});
  for (let time = 0; time < 2; time += 1) model.apply(pasteClip(model, clip).ops);
  assert.equal(model.nodes.size, 1_500);
});

const never = (): Promise<Answer> => assert.fail("The server was asked.");

test("a document, a clip and a command are recognised without the server", async () => {
  const { text } = copyNodes(new FlowModel(DOCUMENT), ["call"], {});
  for (const given of [JSON.stringify(DOCUMENT), text, "curl https://example.com"]) {
    assert.equal((await recognise(given, never)).kind, "clip");
  }
});

test("a text that is nothing of ours is said to be nothing", async () => {
  for (const given of ["Hello", "[1]", '{"a": 1}', '{"nodes": []}', '{"nodes": [1]}', ""]) {
    const found = await recognise(given, never);
    assert.match(found.kind === "nothing" ? found.message : "", /nothing was pasted/);
  }
});

test("what may be YAML is read by the server, whose sentence is shown", async () => {
  const yaml = "nodes:\n- {id: a, type: llm}\n";
  const body = { schema: "fluxprompt.clip/v1", nodes: [{ id: "a", type: "llm" }], edges: [], layout: {} };
  const asked: string[] = [];
  const found = await recognise(yaml, async (text) => {
    asked.push(text);
    return { status: 200, body };
  });
  assert.deepEqual([asked, found.kind], [[yaml], "clip"]);
  const refused = await recognise(yaml, async () => ({ status: 422, body: { detail: "Line 2." } }));
  assert.deepEqual(refused, { kind: "nothing", message: "Line 2." });
  const away = await recognise(yaml, () => Promise.reject(new Error("away")));
  assert.match(away.kind === "nothing" ? away.message : "", /cannot be reached/);
});
