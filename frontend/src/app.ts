// Every page: hypermedia, theme, menus, dialogs, copying, messages that go away.
import "htmx.org";
import { guardAnswers } from "./answers";
import { watchDropZones } from "./drop-zone";
import { watchTicks } from "./flow-list";
import { sayWhyNoPasskey } from "./passkeys";
import { expireToasts } from "./toasts";

const themes = ["system", "light", "dark"] as const;

function nextTheme(): void {
  const root = document.documentElement;
  const current = themes.indexOf((root.dataset["theme"] ?? "system") as (typeof themes)[number]);
  const next = themes[(current + 1) % themes.length] ?? "system";
  if (next === "system") delete root.dataset["theme"];
  else root.dataset["theme"] = next;
  try {
    if (next === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", next);
  } catch {
    // Storage may be forbidden: the choice then holds for this page only.
  }
  document.dispatchEvent(new Event("flux:theme"));
  nameTheme();
}

function nameTheme(): void {
  const theme = document.documentElement.dataset["theme"] ?? "system";
  for (const button of document.querySelectorAll<HTMLElement>("[data-theme-button]")) {
    button.setAttribute("aria-label", `Theme: ${theme}. Change theme`);
    const word = button.querySelector("[data-theme-word]");
    if (word) word.textContent = `Theme: ${theme}`;
  }
}

async function copyFrom(button: HTMLElement): Promise<void> {
  const source = document.getElementById(button.dataset["copy"] ?? "");
  if (!source) return;
  const text = source instanceof HTMLTextAreaElement ? source.value : (source.textContent ?? "");
  const label = button.querySelector("[data-copy-word]") ?? button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(text.trim());
    label.textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren(source);
    label.textContent = "Press Ctrl+C";
  }
  setTimeout(() => (label.textContent = before), 1600);
}

function closeMenus(except: Element | null): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (!except || !menu.contains(except)) menu.open = false;
  }
}

function onClick(event: MouseEvent): void {
  const target = event.target instanceof Element ? event.target : null;
  closeMenus(target);
  if (!target) return;
  if (target.closest("[data-theme-button]")) nextTheme();
  const opener = target.closest<HTMLElement>("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset["dialog"] ?? "");
    if (dialog instanceof HTMLDialogElement) dialog.showModal();
  }
  if (target instanceof HTMLDialogElement) target.close();
  const copier = target.closest<HTMLElement>("[data-copy]");
  if (copier) void copyFrom(copier);
  target.closest("[data-dismiss]")?.closest("[data-toast]")?.remove();
}

function onKey(event: KeyboardEvent): void {
  if (event.key === "Escape") {
    const menu = document.querySelector<HTMLDetailsElement>("details.menu[open]");
    closeMenus(null);
    menu?.querySelector("summary")?.focus();
  }
}

function onChange(event: Event): void {
  const field = event.target;
  if (field instanceof HTMLElement && field.hasAttribute("data-submit-on-change")) {
    (field as HTMLInputElement).form?.requestSubmit();
  }
}

/** A form that came back with errors: go to the first field that has one. */
function onSwap(event: Event): void {
  const target = event.target instanceof Element ? event.target : document;
  target.querySelector<HTMLElement>("form [aria-invalid=true]")?.focus();
}

document.addEventListener("click", onClick);
document.addEventListener("keydown", onKey);
document.addEventListener("change", onChange);
document.addEventListener("htmx:after:swap", onSwap);
guardAnswers();
watchTicks();
watchDropZones();
sayWhyNoPasskey();
nameTheme();
expireToasts();
