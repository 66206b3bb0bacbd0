// Plain JSON values: frozen when they come in, so that nobody changes what others hold.
import type { Json, JsonObject } from "./ops.ts";

const known = new WeakSet<object>();

/** A copy that cannot be changed; a value that came from here is given back as it is. */
export function frozen<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || known.has(value)) return value;
  const copy = Array.isArray(value) ? value.map(frozen) : frozenKeys(value);
  known.add(copy);
  return Object.freeze(copy) as Value;
}

function frozenKeys(value: object): object {
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    if (key === "__proto__") define(copy, key, frozen(item));
    else copy[key] = frozen(item);
  }
  return copy;
}

/** For keys of any name: to `__proto__` nothing can be given by `=`. */
function define(root: object, key: string, value: unknown): void {
  const settings = { enumerable: true, writable: true, configurable: true };
  Object.defineProperty(root, key, { value, ...settings });
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether two values are the same JSON; the order of keys does not count. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => same(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
  );
}

/** The value at a path of keys of objects; undefined where there is none. */
export function valueAt(root: unknown, path: readonly string[]): Json | undefined {
  let value: unknown = root;
  for (const key of path) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value as Json | undefined;
}

export interface Placed {
  readonly root: JsonObject;
  /** What puts the value of before back. */
  readonly undo: { readonly path: readonly string[]; readonly value?: Json };
}

/**
 * The object with another value at a path, or without the key where there is no value. Objects on
 * the way are made. Null where something on the way is a list or no object.
 */
export function withValue(
  root: JsonObject,
  path: readonly string[],
  value: Json | undefined,
): Placed | null {
  const [key, ...rest] = path;
  if (key === undefined) return null;
  const had = Object.hasOwn(root, key);
  const before = had ? root[key] : undefined;
  if (rest.length === 0) {
    const undo = before === undefined ? { path } : { path, value: before };
    return { root: changed(root, key, value), undo };
  }
  if (!had) {
    if (value === undefined) return { root, undo: { path } };
    const inner = withValue({}, rest, value);
    return inner && { root: changed(root, key, inner.root), undo: { path: [key] } };
  }
  const inner = isObject(before) ? withValue(before, rest, value) : null;
  if (!inner) return null;
  const undo = { ...inner.undo, path: [key, ...inner.undo.path] };
  return { root: changed(root, key, inner.root), undo };
}

function changed(root: JsonObject, key: string, value: Json | undefined): JsonObject {
  const copy: Record<string, Json> = { ...root };
  if (value === undefined) delete copy[key];
  else define(copy, key, frozen(value));
  known.add(copy);
  return Object.freeze(copy);
}
