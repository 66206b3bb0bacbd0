// The line: greets, counts from the known revision, comes back, and notices silence.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FlowSocket } from "../src/editor/flow-socket.ts";
import type { Line } from "../src/editor/flow-socket.ts";
import { Browser, Clock } from "./support/fake-world.ts";
import type { Tab } from "./support/fake-world.ts";

class FakeLine implements Line {
  onmessage: Line["onmessage"] = null;
  onclose: Line["onclose"] = null;
  readonly sent: string[] = [];
  isClosed = false;
  readonly after: number;

  constructor(after: number) {
    this.after = after;
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.isClosed = true;
  }

  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

interface Desk {
  clock: Clock;
  tab: Tab;
  lines: FakeLine[];
  socket: FlowSocket;
  heard: string[];
}

function desk(): Desk {
  const clock = new Clock();
  const tab = new Browser(clock, () => 0.5).tab();
  const lines: FakeLine[] = [];
  const heard: string[] = [];
  let revision = 7;
  const connect = (after: number): Line => {
    lines.push(new FakeLine(after));
    return lines.at(-1) as FakeLine;
  };
  const socket = new FlowSocket(connect, () => revision, tab);
  socket.onHello = (known) => heard.push(`hello ${known}`);
  socket.onLink = (isUp) => heard.push(isUp ? "up" : "down");
  socket.onPeople = (people) => heard.push(`people ${people.length}`);
  socket.onRefused = () => heard.push("refused");
  socket.onChanges = (changes) => {
    revision = changes.at(-1)?.revision ?? revision;
    heard.push(`changes ${changes.length}`);
  };
  socket.open();
  return { clock, tab, lines, socket, heard };
}

const HELLO = { hello: { revision: 7, people: [] } };
const CHANGE = { revision: 8, id: "a", tab: "t", by: "Eve", label: "", ops: [], conflicts: [] };

test("a line that is lost comes back after the last change it brought", async () => {
  const { clock, lines, heard } = desk();
  lines[0]?.say(HELLO);
  lines[0]?.say({ changes: [CHANGE] });
  lines[0]?.onclose?.({ code: 1006 });
  await clock.pass(1_000);
  assert.deepEqual(lines.map(({ after }) => after), [7, 8]);
  assert.deepEqual(heard, ["up", "people 0", "hello 7", "changes 1", "down", "people 0"]);
});

test("a server that is away is asked later and later, and at once when somebody comes back", async () => {
  const { clock, lines, tab } = desk();
  const fail = (): void => lines.at(-1)?.onclose?.({ code: 1006 });
  for (let second = 0; second < 60; second += 1) {
    fail();
    await clock.pass(1_000);
  }
  assert.ok(lines.length > 5 && lines.length < 20, `${lines.length} lines`);
  fail();
  const { length } = lines;
  tab.wake();
  assert.equal(lines.length, length + 1);
});

test("a line that never greets is given up", async () => {
  const { clock, lines } = desk();
  await clock.pass(8_000);
  assert.ok(lines[0]?.isClosed);
  assert.equal(lines.length, 2);
});

test("a line that falls silent is made anew, where pings were answered before", async () => {
  const { clock, lines } = desk();
  lines[0]?.say(HELLO);
  await clock.pass(21_000);
  assert.deepEqual(lines[0]?.sent, ['{"ping":1}']);
  await clock.pass(120_000);
  assert.equal(lines.length, 1);
  lines[0]?.say({ pong: 1 });
  await clock.pass(35_000);
  assert.ok(lines[0]?.isClosed && lines.length === 2);
});

test("what is selected is said once for many at a time, and again on a new line", async () => {
  const { clock, lines, socket } = desk();
  lines[0]?.say(HELLO);
  for (const ids of [["a"], ["a", "b"], ["b"]]) socket.select(ids);
  await clock.pass(200);
  socket.select(["b"]);
  await clock.pass(200);
  assert.deepEqual(lines[0]?.sent, ['{"selected":["b"]}']);
  lines[0]?.onclose?.({ code: 1006 });
  await clock.pass(1_000);
  lines[1]?.say(HELLO);
  assert.deepEqual(lines[1]?.sent, ['{"selected":["b"]}']);
});

test("a refusal is told, and asked about seldom", async () => {
  const { clock, lines, heard } = desk();
  lines[0]?.onclose?.({ code: 4404 });
  assert.deepEqual(heard, ["refused"]);
  await clock.pass(5_000);
  assert.equal(lines.length, 1);
});

test("what is no frame is passed over, and a closed line stays closed", async () => {
  const { clock, lines, socket, heard } = desk();
  lines[0]?.onmessage?.({ data: "{" });
  lines[0]?.say({});
  socket.close();
  lines[0]?.say(HELLO);
  await clock.pass(60_000);
  assert.deepEqual([heard, lines.length], [[], 1]);
});
