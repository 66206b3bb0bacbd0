// Keys as the table of shortcuts writes them: whether an event is one, and how people read it.

export const IS_MAC = /mac|iphone|ipad/i.test(navigator.platform);

const WORDS: Record<string, string> = {
  Mod: IS_MAC ? "⌘" : "Ctrl",
  Shift: IS_MAC ? "⇧" : "Shift",
  Alt: IS_MAC ? "⌥" : "Alt",
  Enter: IS_MAC ? "↩" : "Enter",
  Escape: "Esc",
  Delete: IS_MAC ? "⌫" : "Del",
};

/** `Mod+Shift+Z` → `Ctrl+Shift+Z`, on a Mac `⌘⇧Z`. */
export function keyLabel(keys: string): string {
  const parts = keys === "+" ? ["+"] : keys.split("+");
  return parts.map((part) => WORDS[part] ?? part).join(IS_MAC ? "" : "+");
}

/** As `aria-keyshortcuts` wants it. */
export function ariaKeys(keys: string): string {
  return keys === "+" ? "Plus" : keys.replace("Mod", IS_MAC ? "Meta" : "Control");
}

/** A key without Ctrl, Cmd or Alt: it may be switched off, and never works inside a field. */
export function isSingle(keys: string): boolean {
  return keys === "+" || !/Mod|Alt/.test(keys);
}

/** Whether the event is these keys, on whatever layout. */
export function matches(event: KeyboardEvent, keys: string): boolean {
  const parts = keys === "+" ? ["+"] : keys.split("+");
  const key = parts[parts.length - 1] ?? "";
  const wants = { mod: parts.includes("Mod"), alt: parts.includes("Alt"), shift: parts.includes("Shift") };
  const mod = IS_MAC ? event.metaKey : event.ctrlKey;
  const other = IS_MAC ? event.ctrlKey : event.metaKey;
  if (mod !== wants.mod || other || event.altKey !== wants.alt) return false;
  if (/^[A-Z]$/.test(key)) return event.shiftKey === wants.shift && isLetter(event, key);
  if (/^\d$/.test(key)) {
    const isDigitKey = event.code === `Digit${key}`;
    if (wants.shift) return event.shiftKey && isDigitKey;
    // French and others type digits with Shift.
    return event.key === key || (!event.shiftKey && isDigitKey);
  }
  // A sign may need Shift on some layouts: what was typed decides.
  if (key.length === 1) return event.key === key || (key === "+" && event.key === "=");
  return event.key === key && event.shiftKey === wants.shift;
}

function isLetter(event: KeyboardEvent, letter: string): boolean {
  if (/^[a-z]$/i.test(event.key)) return event.key.toUpperCase() === letter;
  // Cyrillic, Greek and other layouts: the key that would be this letter.
  return event.code === `Key${letter}`;
}

/** Text is being written there: keys belong to it. */
export function isField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  // A code field's own editor is within it, where events do not say so.
  if (target.shadowRoot?.activeElement) return isField(target.shadowRoot.activeElement);
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type);
}

/** Something lies over the page that has keys of its own. */
export function isCovered(): boolean {
  return document.querySelector("dialog[open], [popover]:popover-open") !== null;
}
