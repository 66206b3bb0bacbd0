// Rows of a list: one more, one less, one up or down, by mouse and by keyboard.
import { ownPart, ownerOf, rowsOf } from "./parts";

/** Put an empty row at the end, of a variant where there are several; its ids are new ones. */
export function addRow(field: HTMLElement, variant = ""): HTMLElement | null {
  const holder = ownPart<HTMLElement>(field, "[data-rows]");
  const list = ownPart<HTMLElement>(field, "[data-row-list]");
  const templates = holder?.querySelectorAll<HTMLTemplateElement>(":scope > template") ?? [];
  const fresh = [...templates].find((one) => one.dataset["rowNew"] === variant);
  if (!holder || !list || !fresh) return null;
  const number = Number(holder.dataset["next"] ?? 0);
  holder.dataset["next"] = String(number + 1);
  const copy = document.createElement("template");
  copy.innerHTML = fresh.innerHTML.replaceAll(holder.dataset["mark"] ?? "", `new${number}`);
  list.append(copy.content);
  return rowsOf(field).at(-1) ?? null;
}

/** Do what a button of a row, or Alt with an arrow, asks for; the field whose rows changed. */
export function onRowAction(event: Event): HTMLElement | null {
  const target = event.target as Element;
  if (event instanceof KeyboardEvent) return onKey(event, target);
  const button = target.closest<HTMLElement>(
    "[data-row-add], [data-row-up], [data-row-down], [data-row-remove]",
  );
  const field = button && ownerOf(button);
  if (!button || !field) return null;
  const added = button.dataset["rowAdd"];
  if (added !== undefined) {
    focusIn(addRow(field, added));
    return field;
  }
  const row = button.closest<HTMLElement>("[data-row]");
  if (!row) return null;
  if ("rowRemove" in button.dataset) {
    const next = (row.nextElementSibling ?? row.previousElementSibling) as HTMLElement | null;
    row.remove();
    focusIn(next ?? ownPart(field, "[data-row-add]"));
  } else {
    move(row, "rowUp" in button.dataset ? -1 : 1);
    button.focus();
  }
  return field;
}

function onKey(event: KeyboardEvent, target: Element): HTMLElement | null {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const row = target.closest<HTMLElement>("[data-row]");
  if (!event.altKey || step === undefined || !row) return null;
  event.preventDefault();
  event.stopPropagation();
  const focused = document.activeElement as HTMLElement | null;
  if (!move(row, step)) return null;
  focused?.focus();
  return row.parentElement && ownerOf(row.parentElement);
}

function move(row: HTMLElement, step: number): boolean {
  const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return false;
  // The neighbour is what moves: the row with the cursor in it stays where it is in the page.
  if (step < 0) row.after(other);
  else row.before(other);
  return true;
}

function focusIn(place: HTMLElement | null): void {
  const wanted = "input:not([hidden]), select:not([hidden]), flux-code";
  const target = place?.matches("button") ? place : place?.querySelector<HTMLElement>(wanted);
  target?.focus();
}
