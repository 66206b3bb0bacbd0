// The sheet of all shortcuts, made from the table that binds them.
import type { EditorActions } from "./actions";
import { make, need } from "./dom";
import { showDialog } from "./dialogs";
import { keyLabel } from "./keys";
import { singleKeys } from "./key-binding";
import { COMMANDS, GROUPS, reasonAgainst } from "./shortcuts";

/** What hands do on the canvas itself; the kernel hears these. */
const GESTURES: readonly (readonly [keys: string, what: string])[] = [
  ["Arrows", "Move the selection by 10 px"],
  ["Alt+Arrows", "Walk along the wires"],
  ["Space+drag", "Move the view"],
  ["Shift+drag", "Select an area"],
  ["Ctrl+wheel", "Zoom at the pointer"],
  ["Alt (held)", "No snapping while dragging"],
];

export function openSheet(actions: EditorActions): void {
  const dialog = need<HTMLDialogElement>("#shortcut-sheet");
  const place = need("[data-slot=sheet]", dialog);
  const box = need<HTMLInputElement>("[data-single-keys]", dialog);
  box.checked = singleKeys.on;
  box.onchange = () => {
    singleKeys.on = box.checked;
  };
  const groups = GROUPS.flatMap((group) => {
    const rows = COMMANDS.filter((command) => command.group === group && command.keys?.length);
    return rows.length ? [section(group, rows.map((command) => {
      const why = reasonAgainst(command, actions);
      return line(command.title, command.keys ?? [], why, command.id);
    }))] : [];
  });
  const gestures = GESTURES.map(([keys, what]) => line(what, [keys], "", ""));
  place.replaceChildren(...groups, section("On the canvas", gestures));
  showDialog(dialog);
}

function section(title: string, rows: HTMLElement[]): HTMLElement {
  return make("section", { class: "sheet-group" }, make("h3", { class: "palette-title" }, title), make("dl", {}, ...rows));
}

function line(title: string, keys: readonly string[], why: string, id: string): HTMLElement {
  const labels = keys.map((each) => make("kbd", { "data-keys": each }, keyLabel(each)));
  const name = make("dt", {}, title);
  if (why) name.append(make("span", { class: "caption" }, why));
  return make("div", { class: "sheet-row", "data-sheet-row": id, "data-off": why || null }, name, make("dd", {}, ...labels));
}
