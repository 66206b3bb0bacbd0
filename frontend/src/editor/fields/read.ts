// The value that a field's controls say; nothing (undefined) where the key is to be left out.
import { same, type Json } from "./json";
import { controlOf, partsOf, rowsOf } from "./parts";

export type Reading = { readonly value: Json | undefined } | { readonly error: string };

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

export function read(field: HTMLElement): Reading {
  if (field.dataset["mode"] === "expression") {
    const text = controlOf(field, "expression")?.value ?? "";
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
      return object(partsOf(field));
    case "rows":
      return list(rowsOf(field).map((row) => object(partsOf(row), {})));
    case "lines":
      return list(rowsOf(field).map((row) => one(partsOf(row))));
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

function one(parts: readonly HTMLElement[]): Reading {
  return parts[0] ? read(parts[0]) : { value: undefined };
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
