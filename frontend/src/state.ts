// A state badge, drawn by the server, changed in place.
import { WORDS } from "./run-messages";

export function paintState(badge: HTMLElement, state: string): void {
  badge.dataset["state"] = state;
  badge.querySelector("use")?.setAttribute("href", `#state-${state}`);
  const word = badge.querySelector("[data-word]");
  if (word) word.textContent = WORDS[state] ?? state;
}
