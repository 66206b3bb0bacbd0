// The value that a field's controls say; nothing (undefined) where the key is to be left out.
import { isObject, same, type Json } from "./json";
import { controlOf, isComposed, partsOf, rowsOf } from "./parts";

export type Reading = { readonly value: Json | undefined } | { readonly error: string };

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

export function read(field: HTMLElement): Reading {
  if (field.dataset["mode"] === "expression") {
    const text = controlOf(field, "expression")?.value ?? "";
    if (isComposed(field) && /^\s*(\[|\{(?!\{))/.test(text)) return json(text);
    return { value: text === "" ? undefined : text };
  }
  const reading = plain(field);
  if ("error" in reading || "required" in field.dataset) return reading;
  const usual = JSON.parse(field.dataset["default"] ?? "null") as Json;
  return usual !== null && same(reading.value, usual) ? { value: undefined } : reading;
}

function plain(field: HTMLElement): Reading {
  switch (field.dataset["kind"]) {
    case "number":
      return number(text(field), "whole" in field.dataset);
    case "boolean":
      return { value: (controlOf(field, "plain") as HTMLInputElement | null)?.checked ?? false };
    case "json":
      return field.dataset["mode"] === "text" ? ofText(text(field)) : json(text(field));
    case "group":
      return "optional" in field.dataset ? optional(field) : object(partsOf(field));
    case "rows":
      return list(rowsOf(field).map((row) => entry(row, field.dataset["toldBy"])));
    case "lines":
      return list(rowsOf(field).map((row) => one(partsOf(row), "anyItems" in field.dataset)));
    case "pairs":
      return pairs(rowsOf(field));
    default:
      return ofText(text(field));
  }
}

function text(field: HTMLElement): string {
  return controlOf(field, "plain")?.value ?? "";
}

function ofText(written: string): Reading {
  return { value: written === "" ? undefined : written };
}

function number(written: string, whole: boolean): Reading {
  const text = written.trim();
  if (text === "") return { value: undefined };
  const value = Number(text);
  if (!NUMBER.test(text) || !Number.isFinite(value)) {
    return { error: "Write a number, for example 3 or 2.5." };
  }
  if (whole && !Number.isInteger(value)) return { error: "Write a whole number." };
  return { value };
}

function json(written: string): Reading {
  const text = written.trim();
  if (text === "") return { value: undefined };
  try {
    return { value: JSON.parse(text) as Json };
  } catch (error) {
    // One expression alone needs no quotes.
    if (/^\{\{[^]*\}\}$/.test(text)) return { value: text };
    const hint = text.includes("{{") ? " Put expressions into quotes." : "";
    return { error: `This is no valid JSON: ${(error as Error).message}.${hint}` };
  }
}

/** `empty` is what an object without any key is. */
function object(parts: readonly HTMLElement[], empty?: Json): Reading {
  const made: Record<string, Json> = {};
  for (const part of parts) {
    const reading = read(part);
    if ("error" in reading) return reading;
    if (reading.value !== undefined) made[part.dataset["key"] ?? ""] = reading.value;
  }
  return { value: Object.keys(made).length ? made : empty };
}

/** A group that is there says so by what it is without being told, where nothing was told. */
function optional(field: HTMLElement): Reading {
  const box = controlOf(field, "plain") as HTMLInputElement | null;
  if (!box?.checked) return { value: undefined };
  const parts = partsOf(field);
  const usual: Record<string, Json> = {};
  for (const part of parts) {
    const value = JSON.parse(part.dataset["default"] ?? "null") as Json;
    if (value !== null) usual[part.dataset["key"] ?? ""] = value;
  }
  return object(parts, usual);
}

/** One of several kinds of objects says which one it is. */
function entry(row: HTMLElement, toldBy: string | undefined): Reading {
  const reading = object(partsOf(row), {});
  if (!toldBy || "error" in reading || !isObject(reading.value)) return reading;
  return { value: { [toldBy]: row.dataset["variant"] ?? "", ...reading.value } };
}

/** `kept`: an empty one counts, for the places of the others mean something. */
function one(parts: readonly HTMLElement[], kept: boolean): Reading {
  const reading = parts[0] ? read(parts[0]) : { value: undefined };
  return kept && "value" in reading && reading.value === undefined ? { value: "" } : reading;
}

function list(readings: readonly Reading[]): Reading {
  const made: Json[] = [];
  for (const reading of readings) {
    if ("error" in reading) return reading;
    if (reading.value !== undefined) made.push(reading.value);
  }
  return { value: made.length ? made : undefined };
}

/** A row counts as soon as it has a name. */
function pairs(rows: readonly HTMLElement[]): Reading {
  const made: Record<string, Json> = {};
  for (const row of rows) {
    const [key, value] = partsOf(row);
    const name = key ? (controlOf(key, "plain")?.value ?? "") : "";
    if (name === "" || !value) continue;
    if (Object.hasOwn(made, name)) return { error: `Two entries are named '${name}'. Rename one.` };
    const reading = read(value);
    if ("error" in reading) return reading;
    made[name] = reading.value ?? "";
  }
  return { value: Object.keys(made).length ? made : undefined };
}
