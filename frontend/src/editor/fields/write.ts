// Puts a value into a field's controls, touching only what differs, so that a cursor stays.
import { isObject, same, type Json, type JsonObject } from "./json";
import { codeOf, controlOf, ownPart, partsOf, rowsOf, setText, showGroup } from "./parts";
import { read } from "./read";
import { addRow } from "./rows";

/** Whether the controls could take it: another shape needs another form. */
export function write(field: HTMLElement, value: Json | undefined): boolean {
  const now = read(field);
  if (!("error" in now) && same(now.value, value)) return true;
  const mode = modeFor(field, value);
  if (mode === null) return false;
  setMode(field, mode);
  if (mode === "expression") {
    setText(controlOf(field, "expression"), String(value));
    return true;
  }
  return plain(field, value);
}

/** How a value is written in this field; null: not at all. */
function modeFor(field: HTMLElement, value: Json | undefined): string | null {
  const kind = field.dataset["kind"];
  if (kind === "json") {
    if (value === undefined) return field.dataset["mode"] ?? "json";
    return typeof value === "string" && "mayBeText" in field.dataset ? "text" : "json";
  }
  if (value === undefined) return "plain";
  if (fits(field, kind, value)) return "plain";
  const byExpression = ownPart(field, "[data-expression]") !== null;
  return typeof value === "string" && byExpression ? "expression" : null;
}

function fits(field: HTMLElement, kind: string | undefined, value: Json): boolean {
  switch (kind) {
    case "number":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
    case "choice": {
      const choice = controlOf(field, "plain") as HTMLSelectElement | null;
      return [...(choice?.options ?? [])].some((option) => option.value === value);
    }
    case "lines":
      return Array.isArray(value) && ("anyItems" in field.dataset || value.every(isPlain));
    case "rows":
      return Array.isArray(value) && value.every((item) => isObject(item));
    case "pairs":
      return isObject(value);
    case "group":
      return isObject(value) && knows(field, value);
    default:
      return typeof value === "string";
  }
}

function isPlain(value: Json): boolean {
  return typeof value !== "object";
}

/** Whether a group or a row has a field for every key: what it has none for would get lost. */
function knows(holder: HTMLElement, value: JsonObject, toldBy?: string): boolean {
  const names = new Set(partsOf(holder).map((part) => part.dataset["key"]));
  return Object.keys(value).every((key) => key === toldBy || names.has(key));
}

/** Show the controls of a mode: `plain` or `expression`, of any value `text` or `json`. */
export function setMode(field: HTMLElement, mode: string): void {
  if (field.dataset["mode"] === mode) return;
  field.dataset["mode"] = mode;
  const switched = mode === "expression" || mode === "json";
  ownPart(field, "[data-switch]")?.setAttribute("aria-pressed", String(switched));
  if (field.dataset["kind"] === "json") {
    codeOf(controlOf(field, "plain"))?.setLanguage?.(mode === "json" ? "json" : "expression");
    return;
  }
  const own = ownPart(field, "[data-expression]");
  if (own) own.hidden = !switched;
  const control = controlOf(field, "plain");
  if (control) control.hidden = switched;
  const rows = ownPart(field, "[data-rows]");
  if (rows) rows.hidden = switched;
  if (switched) codeOf(controlOf(field, "expression"))?.build?.();
}

function plain(field: HTMLElement, value: Json | undefined): boolean {
  const control = controlOf(field, "plain");
  switch (field.dataset["kind"]) {
    case "boolean": {
      const usual = field.dataset["default"] === "true";
      (control as HTMLInputElement).checked = value === undefined ? usual : value === true;
      return true;
    }
    case "choice": {
      const usual = JSON.parse(field.dataset["default"] ?? "null") as string | null;
      if (control) control.value = String(value ?? usual ?? "");
      return true;
    }
    case "json": {
      const asText = field.dataset["mode"] === "text" && typeof value === "string";
      const shown = asText ? value : JSON.stringify(value, null, 2);
      setText(control, value === undefined ? "" : (shown as string));
      return true;
    }
    case "group":
      if ("optional" in field.dataset) {
        (control as HTMLInputElement).checked = value !== undefined;
        showGroup(field);
      }
      return parts(partsOf(field), isObject(value) ? value : {});
    case "rows":
    case "lines":
      return rows(field, Array.isArray(value) ? value : []);
    case "pairs":
      return rows(field, Object.entries(isObject(value) ? value : {}).map(asPair));
    default:
      setText(control, value === undefined ? "" : String(value));
      return true;
  }
}

function asPair([key, value]: [string, Json]): Json {
  return { key, value };
}

function parts(fields: readonly HTMLElement[], value: { readonly [key: string]: Json }): boolean {
  return fields.every((field) => write(field, value[field.dataset["key"] ?? ""]));
}

function rows(field: HTMLElement, values: readonly Json[]): boolean {
  const toldBy = field.dataset["toldBy"];
  const wanted = values.map((value) => variantOf(value, toldBy));
  const present = rowsOf(field);
  // From the first row on that is another kind of object, all are new ones.
  const good = present.findIndex((row, at) => (row.dataset["variant"] ?? "") !== wanted[at]);
  const kept = good < 0 ? Math.min(present.length, values.length) : good;
  for (const extra of present.slice(kept)) extra.remove();
  if (!wanted.slice(kept).every((variant) => addRow(field, variant))) return false;
  const now = rowsOf(field);
  return values.every((value, at) => {
    const row = now[at];
    const entry = field.dataset["kind"] === "lines" ? { value } : value;
    if (row === undefined || !isObject(entry)) return false;
    if (field.dataset["kind"] === "rows" && !knows(row, entry, toldBy)) return false;
    return parts(partsOf(row), entry);
  });
}

function variantOf(value: Json, toldBy: string | undefined): string {
  return toldBy && isObject(value) ? String(value[toldBy]) : "";
}
