// Tidy-up: layers from left to right, boxes around their contents, the same result each time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tidy } from "../src/editor/layout.ts";
import type { Card, Wire } from "../src/editor/layout.ts";

function card(id: string, at: number, more: Partial<Card> = {}): Card {
  return { id, x: 13 * at, y: 7 * at, width: 240, height: 96, ...more };
}

function wires(...pairs: string[]): Wire[] {
  return pairs.map((pair) => {
    const [source = "", target = ""] = pair.split(">");
    return { source, target };
  });
}

async function placed(cards: readonly Card[], edges: readonly Wire[], chosen?: Set<string>): Promise<Card[]> {
  const places = await tidy(cards, edges, chosen);
  return cards.map((one) => ({ ...one, ...places.get(one.id) }));
}

function byId(cards: readonly Card[]): Record<string, Card> {
  return Object.fromEntries(cards.map((one) => [one.id, one]));
}

function overlap(a: Card, b: Card): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

const CARDS = ["start", "yes", "no", "end"].map((id, at) => card(id, at));
const EDGES = wires("start>yes", "start>no", "yes>end", "no>end");

test("what follows stands to the right, on the grid, and nothing on another", async () => {
  const cards = await placed(CARDS, EDGES);
  const { start, yes, no, end } = byId(cards) as Record<"start" | "yes" | "no" | "end", Card>;
  assert.ok(start.x + start.width < yes.x && yes.x === no.x && no.x + no.width < end.x);
  assert.ok(yes.y < no.y);
  for (const one of cards) {
    assert.equal(one.x % 10 + one.y % 10, 0);
    for (const other of cards) assert.ok(one === other || !overlap(one, other));
  }
  assert.deepEqual([Math.min(...cards.map(({ x }) => x)), Math.min(...cards.map(({ y }) => y))], [0, 0]);
});

test("what is tidy stays as it is", async () => {
  const cards = await placed(CARDS, EDGES);
  assert.deepEqual([...(await tidy(cards, EDGES))], []);
});

const INSIDE = [
  card("start", 1),
  card("rows", 2, { height: 80 }),
  card("first", 3, { parent: "rows" }),
  card("second", 4, { parent: "rows" }),
  card("deep", 5, { parent: "rows" }),
  card("deepest", 6, { parent: "deep" }),
  card("end", 7),
];
const INSIDE_EDGES = wires("start>rows", "first>second", "second>deep", "rows>end");

test("a container stands around its children, below its head and with room for what follows", async () => {
  const found = byId(await placed(INSIDE, INSIDE_EDGES));
  const { rows, first, second, deep, deepest, end } = found as Record<string, Card>;
  assert.ok(rows && first && second && deep && deepest && end);
  assert.ok(first.x >= rows.x + 28 && first.x < rows.x + 38);
  for (const child of [first, second, deep]) assert.ok(child.y >= rows.y + 80 + 28);
  assert.ok(deepest.x >= deep.x + 28 && deepest.y >= deep.y + 96 + 28);
  assert.ok(first.x + 240 < second.x && second.x + 240 < deep.x);
  assert.ok(end.x >= deepest.x + 240 + 2 * 28);
});

test("only what is selected moves, and its corner stays", async () => {
  const cards = [...CARDS, card("far", 400)];
  const chosen = new Set(["start", "yes"]);
  const places = await tidy(cards, EDGES, chosen);
  assert.ok([...places.keys()].every((id) => chosen.has(id)));
  const { start, yes } = byId(await placed(cards, EDGES, chosen)) as Record<string, Card>;
  assert.ok(start && yes && yes.x > start.x + 240);
  assert.deepEqual([start.x, Math.min(start.y, yes.y)], [0, 0]);
});

test("a selected container takes along what is in it", async () => {
  const places = await tidy(INSIDE, INSIDE_EDGES, new Set(["rows", "first", "end"]));
  for (const id of ["first", "second", "deepest"]) assert.ok(places.has(id), id);
  assert.ok(!places.has("start"));
});

test("notes stay where they are, and a loop of wires does no harm", async () => {
  const note = card("note", 50, { fixed: true });
  const places = await tidy([...CARDS, note], [...EDGES, ...wires("end>start", "note>end")]);
  assert.ok(!places.has("note") && places.size > 0);
  assert.deepEqual([...(await tidy([note], []))], []);
  assert.deepEqual([...(await tidy([], []))], []);
});

test("300 cards are tidied in less than three seconds", async () => {
  const cards = Array.from({ length: 300 }, (_, at) => card(`n${at}`, at));
  const edges = cards.slice(1).map(({ id }, at) => ({ source: `n${at >> 1}`, target: id }));
  const start = performance.now();
  const after = await placed(cards, edges);
  assert.ok(performance.now() - start < 3_000);
  assert.equal(new Set(after.map(({ x, y }) => `${x},${y}`)).size, 300);
});
