// Puts a value into a field's controls, touching only what differs, so that a cursor stays.
import { isObject, same, type Json } from "./json";
import { codeOf, controlOf, ownPart, partsOf, rowsOf, setText } from "./parts";
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
      return Array.isArray(value) && value.every((item) => typeof item !== "object");
    case "rows":
      return Array.isArray(value) && value.every((item) => isObject(item));
    case "pairs":
    case "group":
      return isObject(value);
    default:
      return typeof value === "string";
  }
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
  const present = rowsOf(field);
  for (const extra of present.slice(values.length)) extra.remove();
  for (let count = present.length; count < values.length; count += 1) addRow(field);
  const now = rowsOf(field);
  return values.every((value, at) => {
    const row = now[at];
    const entry = field.dataset["kind"] === "lines" ? { value } : value;
    return row !== undefined && isObject(entry) && parts(partsOf(row), entry);
  });
}
