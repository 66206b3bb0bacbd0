// Hears the keys of the table on the whole page, and leaves alone what belongs to fields and dialogs.
import { isCovered, isField, isSingle, matches } from "./keys";
import { memory } from "./dom";
import { COMMANDS, type Chrome, type Command, reasonAgainst } from "./shortcuts";

const NATIVE = ["copy", "cut", "paste"] as const;

/** Single keys can be switched off, for people who steer by voice. */
export const singleKeys = {
  get on(): boolean {
    return memory.read("single-keys") !== "off";
  },
  set on(on: boolean) {
    memory.write("single-keys", on ? "on" : "off");
  },
};

/** Bind all keys; `give` carries a command out. */
export function bindKeys(chrome: Chrome, give: (command: Command, clipboard?: DataTransfer) => void): void {
  let byPointer = false;
  document.addEventListener("pointerdown", (event) => {
    byPointer = onCanvas(event.target);
  }, true);

  // Before the canvas takes Tab to its cards.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") return;
    // Tab opens the palette only after a click on the canvas: else it would be a trap on the way.
    if (byPointer && isOnGround()) hear(event);
    byPointer = false;
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") hear(event);
  });

  const hear = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
    const found = COMMANDS.find((entry) => entry.keys?.some((keys) => isMeant(event, entry, keys)));
    if (!found || found.native) return;
    // Where it cannot be done the key stays the browser's, except for keys people expect from us.
    if (reasonAgainst(found, chrome.actions)) {
      if (isSingle(found.keys?.[0] ?? "")) return;
    }
    event.preventDefault();
    give(found);
  };

  for (const name of NATIVE) {
    document.addEventListener(name, (event) => {
      const found = COMMANDS.find((entry) => entry.native === name);
      if (!found || isCovered() || isField(event.target) || !canvasHasFocus()) return;
      if (name !== "paste" && !getSelection()?.isCollapsed) return;
      event.preventDefault();
      give(found, event.clipboardData ?? undefined);
    });
  }
}

function isMeant(event: KeyboardEvent, command: Command, keys: string): boolean {
  if (!matches(event, keys) || isCovered()) return false;
  if (isField(event.target) && !command.inFields) return false;
  if (isSingle(keys) && keys !== "Escape" && !singleKeys.on) return false;
  return command.page === true || canvasHasFocus();
}

/** The canvas has the focus, or nothing has. */
function canvasHasFocus(): boolean {
  const at = document.activeElement;
  return !at || at === document.body || at.id === "main" || onCanvas(at);
}

/** The canvas itself has the focus and none of its cards, or nothing has. */
function isOnGround(): boolean {
  const at = document.activeElement;
  return !at || at === document.body || at.matches("[data-canvas]");
}

function onCanvas(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("[data-canvas]") !== null;
}
