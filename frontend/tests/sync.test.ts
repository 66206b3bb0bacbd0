// Sync: what is kept, what others did meanwhile, and what people are told.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Op } from "../src/editor/ops.ts";
import type { Notice } from "../src/editor/pending.ts";
import { noticesOf } from "../src/editor/page/conflict-notices.ts";
import { Desk } from "./support/desk.ts";

function adding(id: string, prompt = ""): Op {
  return { op: "add_node", node: { id, type: "llm", config: { prompt } }, place: null };
}

test("a change is shown at once, sent after a moment, and then no longer kept", async () => {
  const desk = new Desk();
  const ada = desk.open();
  ada.set("llm", "Hello");
  assert.equal(ada.prompt("llm"), "Hello");
  assert.equal(desk.kept().length, 1);
  await desk.clock.pass(140);
  assert.equal(desk.server.requests, 0);
  await desk.clock.pass(200);
  assert.equal(desk.server.model.nodes.get("llm")?.config?.["prompt"], "Hello");
  assert.deepEqual(desk.kept(), []);
  assert.deepEqual(ada.states, ["saving", "saved"]);
});

test("hours offline are kept through a crash and sent by the next tab, once", async () => {
  const desk = new Desk();
  const ada = desk.open();
  ada.goOffline();
  ada.sync.commit("Add", [adding("extra", "mine")]);
  await desk.clock.pass(5_000);
  assert.deepEqual([ada.sync.state.kind, ada.kept], ["offline", 1]);
  ada.set("llm", "Offline");
  ada.set("extra", "more");
  await desk.clock.pass(7_200_000);
  ada.crash();
  assert.equal(desk.kept().length, 3);
  const [next, third] = [desk.open(), desk.open()];
  await desk.clock.pass(5_000);
  assert.deepEqual(desk.kept(), []);
  assert.equal(desk.server.log.length, 3);
  for (const client of [next, third]) {
    assert.equal(client.prompt("llm"), "Offline");
    assert.equal(client.prompt("extra"), "more");
  }
});

test("an answer that got lost does not apply a change twice", async () => {
  const desk = new Desk();
  const ada = desk.open();
  ada.unlink();
  ada.network.fate = () => "answer lost";
  ada.sync.commit("Add", [adding("extra")]);
  await desk.clock.pass(1_000);
  assert.equal(ada.sync.state.kind, "offline");
  ada.network.fate = () => "fine";
  await desk.clock.pass(20_000);
  assert.equal(desk.server.log.length, 1);
  assert.deepEqual([ada.sync.state.kind, ada.kept], ["saved", 0]);
  assert.deepEqual(ada.notices, []);
});

test("a tab that lives keeps its changes to itself", async () => {
  const desk = new Desk();
  const first = desk.open();
  first.goOffline();
  first.set("llm", "Mine");
  await desk.clock.pass(200);
  const second = desk.open();
  await desk.clock.pass(70_000);
  assert.equal(second.kept, 0);
  assert.equal(desk.server.log.length, 0);
  first.crash();
  await desk.clock.pass(70_000);
  assert.equal(second.prompt("llm"), "Mine");
  assert.equal(desk.server.log.length, 1);
});

test("what one person kept is not sent by another", async () => {
  const desk = new Desk();
  const ada = desk.open();
  ada.goOffline();
  ada.set("llm", "Ada's");
  ada.crash();
  const eve = desk.open(desk.browser, "eve");
  await desk.clock.pass(70_000);
  assert.equal(eve.kept + desk.server.log.length, 0);
  assert.equal(desk.kept().length, 1);
});

test("two who add a node under one id get two nodes, and what follows goes to the own", async () => {
  const desk = new Desk();
  const [ada, eve] = [desk.open(), desk.other()];
  for (const [client, text] of [[ada, "of Ada"], [eve, "of Eve"]] as const) {
    client.goOffline();
    client.sync.commit("Add", [adding("extra", text)]);
    client.sync.commit("Connect", [{ op: "add_edge", edge: { from: "llm", to: "extra" } }]);
    client.set("llm", `{{ extra.text }} ${text}`);
    await desk.clock.pass(200);
  }
  ada.goOnline();
  ada.link();
  await desk.clock.pass(5_000);
  eve.goOnline();
  await desk.clock.pass(5_000);
  const { nodes, edges } = desk.server.model;
  assert.equal(nodes.get("extra")?.config?.["prompt"], "of Ada");
  assert.equal(nodes.get("extra_2")?.config?.["prompt"], "of Eve");
  assert.ok(edges.has("llm>extra") && edges.has("llm>extra_2"));
  assert.equal(nodes.get("llm")?.config?.["prompt"], "{{ extra_2.text }} of Eve");
  assert.deepEqual(eve.renamed, [["extra", "extra_2"]]);
  assert.deepEqual(eve.sync.aside, []);
});

test("the page hears which of its nodes have other names when they are shown", async () => {
  const desk = new Desk();
  const [ada, eve] = [desk.open(), desk.other()];
  const heard: [string, string][] = [];
  ada.sync.onTouched = ({ renamed }) => heard.push(...(renamed ?? []));
  ada.goOffline();
  ada.sync.commit("Add", [adding("extra", "of Ada")]);
  eve.sync.commit("Add", [adding("extra", "of Eve")]);
  eve.sync.commit("Rename", [{ op: "rename_node", node: "llm", to: "model" }]);
  await desk.clock.pass(1_000);
  eve.sync.commit("Rename", [{ op: "rename_node", node: "model", to: "writer" }]);
  await desk.clock.pass(1_000);
  ada.goOnline();
  await desk.clock.pass(6_000);
  assert.deepEqual(heard.sort(), [["extra", "extra_2"], ["llm", "writer"]]);
  assert.equal(ada.prompt("extra_2"), "of Ada");
});

test("a value over one of somebody else wins and is said, with theirs", async () => {
  const desk = new Desk();
  const [ada, eve] = [desk.open(), desk.other()];
  ada.goOffline();
  ada.set("llm", "Ada's");
  eve.set("llm", "Eve's");
  await desk.clock.pass(2_000);
  ada.goOnline();
  ada.link();
  await desk.clock.pass(5_000);
  assert.equal(eve.prompt("llm"), "Ada's");
  const [notice] = ada.notices;
  assert.equal(notice?.conflict.code, "overwritten");
  assert.equal(notice?.conflict.theirs, "Eve's");
  assert.equal(notice?.aside, null);
});

test("what a tab had sent before it ended is no conflict for the next one, nor for the one after", async () => {
  const desk = new Desk();
  const eve = desk.other();
  const ends = async (): Promise<void> => {
    const tab = desk.open();
    await desk.clock.pass(30);
    tab.unlink();
    tab.network.fate = () => "answer lost";
    tab.set("llm", `First of ${tab.sync.tab}`);
    await desk.clock.pass(230);
    tab.set("llm", `Second of ${tab.sync.tab}`);
    tab.crash();
  };
  await ends();
  await ends();
  const last = desk.open();
  await desk.clock.pass(3_000);
  assert.deepEqual(desk.kept(), []);
  assert.deepEqual([...last.notices, ...desk.server.log.flatMap(({ conflicts }) => conflicts)], []);
  assert.match(String(eve.prompt("llm") ?? desk.server.model.nodes.get("llm")?.config?.["prompt"]), /^Second/);
});

test("who has nothing left to send is not taken for offline once the server answers again", async () => {
  const desk = new Desk();
  const [ada, eve] = [desk.open(), desk.other()];
  ada.tab.isOnline = false;
  ada.set("llm", "A long text");
  await desk.clock.pass(1_000);
  eve.sync.commit("Delete", [
    { op: "remove_edge", edge: { from: "start", to: "llm" } },
    { op: "remove_node", node: "llm" },
  ]);
  await desk.clock.pass(1_000);
  assert.deepEqual([ada.sync.state.kind, ada.kept, ada.sync.aside.length], ["offline", 0, 1]);
  ada.tab.isOnline = true;
  ada.tab.wake();
  await desk.clock.pass(2_000);
  assert.equal(ada.sync.state.kind, "saved");
});

test("of one field the last notice counts, and of a place there is none", async () => {
  const desk = new Desk();
  const ada = desk.open();
  const notice = (op: Op, theirs: string, change: string): Notice => ({
    change,
    label: "Change",
    op,
    aside: null,
    conflict: { op: 0, code: "overwritten", message: "Replaced.", theirs, node: "llm", ...("path" in op ? { path: op.path } : {}) },
  });
  const set: Op = { op: "set", node: "llm", path: ["config", "prompt"], value: "Mine" };
  const place: Op = { op: "place", node: "llm", place: { x: 1, y: 1 } };
  const said = noticesOf(ada.sync, [notice(set, "a", "1"), notice(place, "b", "2"), notice(set, "c", "3")]);
  assert.deepEqual(said.map(({ theirs }) => theirs), ["a", "c"]);
  assert.equal(new Set(said.map(({ id }) => id)).size, 1);
});

test("what a removed node was given is set aside, and put back where the node is back", async () => {
  const desk = new Desk();
  const [ada, eve] = [desk.open(), desk.other()];
  ada.goOffline();
  ada.set("llm", "A long text");
  const node = desk.server.model.nodes.get("llm") ?? { id: "", type: "" };
  eve.sync.commit("Delete", [
    { op: "remove_edge", edge: { from: "start", to: "llm" } },
    { op: "remove_node", node: "llm" },
  ]);
  await desk.clock.pass(2_000);
  ada.goOnline();
  await desk.clock.pass(6_000);
  assert.equal(ada.notices[0]?.conflict.code, "node_gone");
  const [aside] = ada.sync.aside;
  assert.ok(aside);
  assert.equal(ada.sync.putBack(aside.id).length, 1);
  ada.crash();
  const again = desk.open();
  await desk.clock.pass(1_000);
  eve.sync.commit("Add", [{ op: "add_node", node, place: null }]);
  await desk.clock.pass(2_000);
  const [kept] = again.sync.aside;
  assert.deepEqual(again.sync.putBack(kept?.id ?? ""), []);
  await desk.clock.pass(2_000);
  assert.equal(eve.prompt("llm"), "A long text");
  assert.deepEqual(again.sync.aside, []);
});

test("a notice puts back or drops what was set aside, also after the page was opened anew", async () => {
  const desk = new Desk();
  const [ada, eve] = [desk.open(), desk.other()];
  ada.goOffline();
  ada.set("llm", "A long text");
  ada.sync.commit("Name it", [{ op: "set", node: "llm", path: ["label"], value: "Writer" }]);
  eve.sync.commit("Delete", [
    { op: "remove_edge", edge: { from: "start", to: "llm" } },
    { op: "remove_node", node: "llm" },
  ]);
  await desk.clock.pass(2_000);
  ada.goOnline();
  await desk.clock.pass(6_000);
  const said = noticesOf(ada.sync, ada.notices);
  assert.deepEqual(said.map(({ id }) => id), ada.sync.aside.map(({ id }) => id));
  const press = (label: string): boolean | undefined =>
    said[0]?.actions.find((action) => action.label === label)?.run();
  assert.equal(press("Try again"), false);
  assert.equal(ada.sync.aside.length, 2);
  assert.equal(press("Drop mine"), true);
  assert.deepEqual(ada.sync.aside.map(({ label }) => label), ["Name it"]);
  ada.crash();
  const again = desk.open();
  await desk.clock.pass(1_000);
  const [left, ...more] = noticesOf(again.sync, again.notices);
  assert.deepEqual([left?.id, more.length], [again.sync.aside[0]?.id, 0]);
  assert.equal(left?.node, undefined);
  assert.equal(left?.actions[1]?.run(), true);
  assert.deepEqual([...desk.browser.items.keys()], []);
});

test("pending changes follow a node that somebody else renamed", async () => {
  const desk = new Desk();
  const [ada, eve] = [desk.open(), desk.other()];
  ada.goOffline();
  ada.set("llm", "Mine");
  ada.sync.commit("Type", [{ op: "set", node: "start", path: ["config", "a"], value: "{{ llm.x }}" }]);
  eve.sync.commit("Rename", [{ op: "rename_node", node: "llm", to: "model" }]);
  await desk.clock.pass(2_000);
  ada.goOnline();
  ada.link();
  await desk.clock.pass(6_000);
  assert.equal(desk.server.model.nodes.get("model")?.config?.["prompt"], "Mine");
  assert.equal(desk.server.model.nodes.get("start")?.config?.["a"], "{{ model.x }}");
  assert.deepEqual(ada.notices, []);
});

test("a rename shows the new name in all texts before the server answers", () => {
  const desk = new Desk();
  const ada = desk.open();
  ada.sync.commit("Rename", [{ op: "rename_node", node: "start", to: "ticket" }]);
  assert.equal(ada.prompt("llm"), "Say {{ ticket.text }}");
  ada.history.undo();
  assert.equal(ada.prompt("llm"), "Say {{ start.text }}");
});

test("where the log does not reach back the draft is read, and the own changes stay", async () => {
  const desk = new Desk();
  const [ada, eve] = [desk.open(), desk.other()];
  ada.goOffline();
  ada.set("llm", "Ada's");
  eve.sync.commit("Name", [{ op: "set_flow", path: ["name"], value: "Other" }]);
  await desk.clock.pass(2_000);
  desk.server.forgetLog();
  const drafts = desk.server.drafts;
  ada.goOnline();
  await desk.clock.pass(6_000);
  assert.equal(desk.server.drafts, drafts + 1);
  assert.equal(ada.model.head.name, "Other");
  assert.equal(desk.server.model.nodes.get("llm")?.config?.["prompt"], "Ada's");
});

test("a gap in what came over the line is asked for", async () => {
  const desk = new Desk();
  const ada = desk.open();
  await desk.clock.pass(100);
  desk.server.foreign([{ op: "set_flow", path: ["name"], value: "One" }]);
  const [first] = desk.server.log;
  ada.unlink();
  await desk.clock.pass(1_000);
  ada.sync.linked(true);
  desk.server.foreign([{ op: "set_flow", path: ["description"], value: "Two" }]);
  const second = desk.server.log[1];
  assert.ok(first && second);
  ada.sync.receive([second]);
  assert.equal(ada.model.head.description, "");
  await desk.clock.pass(1_000);
  assert.deepEqual([ada.model.head.name, ada.model.head.description], ["One", "Two"]);
});

test("leaving the page sends what is kept, and the next page is not surprised", async () => {
  const desk = new Desk();
  const ada = desk.open();
  ada.set("llm", "Last words");
  ada.sync.leave();
  ada.crash();
  const next = desk.open();
  await desk.clock.pass(5_000);
  assert.equal(next.prompt("llm"), "Last words");
  assert.equal(desk.server.log.length, 1);
  assert.deepEqual(desk.kept(), []);
});

test("where the browser has no room people are told to leave the tab open", async () => {
  const desk = new Desk();
  const ada = desk.open();
  ada.goOffline();
  desk.browser.room = 10;
  ada.set("llm", "A text");
  assert.match(ada.sync.state.message ?? "", /leave this tab open/);
  desk.browser.room = Infinity;
  ada.goOnline();
  await desk.clock.pass(5_000);
  assert.equal(JSON.stringify(ada.sync.state), '{"kind":"saved","kept":0}');
});

test("a page that shows what was asks nothing and follows nobody", async () => {
  const desk = new Desk();
  const ada = desk.open();
  ada.goOffline();
  ada.set("llm", "Kept");
  ada.crash();
  const page = desk.still();
  desk.server.foreign([{ op: "set", node: "start", path: ["label"], value: "Begin" }]);
  await desk.clock.pass(70_000);
  page.tab.wake();
  page.sync.ask();
  page.sync.retry();
  await desk.clock.pass(70_000);
  assert.deepEqual([desk.server.requests, desk.kept().length], [0, 1]);
  assert.equal(page.model.nodes.get("start")?.label, undefined);
  assert.deepEqual([page.prompt("llm"), page.sync.state.kind], ["Say {{ start.text }}", "saved"]);
});

test("a value that is set already is no change", async () => {
  const desk = new Desk();
  const ada = desk.open();
  ada.set("llm", "Say {{ start.text }}");
  await desk.clock.pass(2_000);
  assert.deepEqual([desk.server.requests, ada.history.labels.undo], [0, null]);
});

test("own changes that come back touch nothing on the canvas", async () => {
  const desk = new Desk();
  const ada = desk.open();
  const touched: string[] = [];
  ada.sync.onTouched = ({ nodes }) => touched.push([...nodes].join());
  ada.set("llm", "Hello");
  await desk.clock.pass(2_000);
  assert.deepEqual(touched, ["llm"]);
  desk.server.foreign([{ op: "set", node: "start", path: ["label"], value: "Begin" }]);
  ada.goOffline();
  ada.set("llm", "Pending");
  ada.goOnline();
  await desk.clock.pass(6_000);
  assert.deepEqual(touched, ["llm", "start", "llm"].sort((a, b) => touched.indexOf(a) - touched.indexOf(b)));
});
