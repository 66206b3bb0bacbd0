// Lists open when the press that asks for them has ended: its end, outside of them, would close them.

let pressed = false;
/** How long after a touch the browser may still make mouse events and a click of it. */
const ECHO = 400;

addEventListener("pointerdown", () => (pressed = true), true);
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (pressed = false), true);

/** Open once nothing is pressed any more, after everybody has heard of that. */
export function afterPress(open: () => void): void {
  if (!pressed) {
    muteEcho();
    setTimeout(open);
    return;
  }
  const once = new AbortController();
  const end = (): void => {
    once.abort();
    muteEcho();
    setTimeout(open);
  };
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, end, { capture: true, signal: once.signal });
}

/** The click that follows a touch would choose what has just opened under the finger. */
function muteEcho(): void {
  const over = new AbortController();
  const mute = (event: Event): void => {
    if (event.cancelable) event.preventDefault();
  };
  addEventListener("touchend", mute, { capture: true, once: true, passive: false, signal: over.signal });
  setTimeout(() => over.abort(), ECHO);
}
