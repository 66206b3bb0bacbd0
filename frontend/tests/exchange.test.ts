// When the server is asked, and what happens where it refuses or is away.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Op } from "../src/editor/ops.ts";
import { Desk } from "./support/desk.ts";

test("typing without a pause is sent within two seconds, as few changes", async () => {
  const desk = new Desk();
  const ada = desk.open();
  for (let key = 1; key <= 60; key += 1) {
    ada.set("llm", "x".repeat(key), "prompt");
    await desk.clock.pass(100);
  }
  await desk.clock.pass(1_000);
  assert.equal(desk.server.model.nodes.get("llm")?.config?.["prompt"], "x".repeat(60));
  const sent = desk.server.received.flatMap(({ changes }) => changes);
  assert.ok(sent.length >= 3 && sent.length <= 6, `${sent.length} changes`);
});

test("only one request is under way at a time", async () => {
  const desk = new Desk();
  const ada = desk.open();
  ada.network.delay = () => 5_000;
  for (let at = 0; at < 20; at += 1) {
    ada.sync.commit("Move", [{ op: "place", node: "llm", place: { x: at, y: 0 } }]);
    await desk.clock.pass(400);
  }
  assert.equal(desk.server.requests, 1);
  await desk.clock.pass(30_000);
  assert.deepEqual(desk.server.model.places.get("llm"), { x: 19, y: 0 });
  assert.equal(ada.sync.state.kind, "saved");
});

test("without a line the server is asked every five seconds, by visible tabs", async () => {
  const desk = new Desk();
  const ada = desk.open();
  ada.unlink();
  desk.server.foreign([{ op: "set_flow", path: ["name"], value: "New" }]);
  await desk.clock.pass(5_200);
  assert.equal(ada.model.head.name, "New");
  const { requests } = desk.server;
  ada.tab.isVisible = false;
  await desk.clock.pass(60_000);
  assert.equal(desk.server.requests, requests);
});

const REFUSALS = [
  [{ status: 0, body: null, signedOut: true }, /signed out.*sign in/],
  [{ status: 401, body: null }, /signed out/],
  [{ status: 403, body: null }, /may not change this flow/],
  [{ status: 404, body: null }, /was deleted/],
] as const;

test("a refusal is said with what to do, and nothing is lost", async () => {
  for (const [answer, sentence] of REFUSALS) {
    const desk = new Desk();
    const ada = desk.open();
    desk.server.instead = answer;
    ada.set("llm", "Mine");
    await desk.clock.pass(60_000);
    assert.equal(ada.sync.state.kind, "refused");
    assert.match(ada.sync.state.message ?? "", sentence);
    assert.equal(desk.server.requests, 1);
    ada.set("start", "More");
    assert.equal(desk.kept().length, 2);
    desk.server.instead = null;
    ada.tab.wake();
    await desk.clock.pass(2_000);
    assert.equal(ada.sync.state.kind, "saved");
    assert.equal(desk.server.model.nodes.get("start")?.config?.["prompt"], "More");
  }
});

test("a change that the server cannot take is set aside, and the others go on", async () => {
  for (const status of [413, 422]) {
    const desk = new Desk();
    const ada = desk.open();
    const serve = desk.server.changes.bind(desk.server);
    desk.server.changes = (body) =>
      body.includes("Bad") ? { status, body: { detail: "Too much." } } : serve(body);
    for (const value of ["Good", "Bad", "Better"]) {
      ada.sync.commit(value, [{ op: "set", node: "llm", path: ["config", value], value }]);
    }
    await desk.clock.pass(10_000);
    assert.equal(ada.sync.state.kind, "saved");
    const config = desk.server.model.nodes.get("llm")?.config ?? {};
    assert.deepEqual([config["Good"], config["Bad"], config["Better"]], ["Good", undefined, "Better"]);
    assert.equal(ada.sync.aside[0]?.label, "Bad");
    assert.equal(ada.notices[0]?.conflict.message, "Too much.");
  }
});

test("a busy server is asked again later and later, and says when", async () => {
  const desk = new Desk();
  const ada = desk.open();
  desk.server.instead = { status: 503, body: null, retryAfter: 10_000 };
  ada.set("llm", "Mine");
  await desk.clock.pass(9_000);
  assert.equal(desk.server.requests, 1);
  desk.server.instead = { status: 500, body: null };
  await desk.clock.pass(300_000);
  assert.ok(desk.server.requests < 18, `${desk.server.requests} requests`);
  desk.server.instead = null;
  await desk.clock.pass(40_000);
  assert.equal(ada.sync.state.kind, "saved");
});

test("a very large change is sent in parts that the server takes", async () => {
  const desk = new Desk();
  const ada = desk.open();
  const ops = Array.from({ length: 12_000 }, (_, x): Op => {
    return { op: "place", node: "llm", place: { x, y: 0 } };
  });
  ada.sync.commit("Many", ops);
  await desk.clock.pass(10_000);
  const sizes = desk.server.received.map(({ changes }) => changes.flatMap((one) => one.ops).length);
  assert.deepEqual(sizes.slice(0, 3), [5_000, 5_000, 2_000]);
  assert.deepEqual(desk.server.model.places.get("llm"), { x: 11_999, y: 0 });
  ada.history.undo();
  await desk.clock.pass(10_000);
  assert.equal(desk.server.model.places.get("llm"), undefined);
  assert.equal(ada.sync.state.kind, "saved");
});
