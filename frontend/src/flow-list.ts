// The list of flows: says how many are ticked, ticks all, and keeps renaming at hand.

const TICKS = 'input[name="flow"][form="bulk"]';

function ticks(): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>(TICKS)];
}

/** Say how many are ticked, and offer what can be done with them. */
function count(): void {
  const bar = document.querySelector<HTMLElement>("[data-bulk]");
  const word = bar?.querySelector<HTMLElement>("[data-ticked]");
  if (!bar || !word) return;
  const all = ticks();
  const ticked = all.filter((box) => box.checked).length;
  bar.toggleAttribute("data-any", ticked > 0);
  word.textContent = ticked ? `${ticked} ticked` : (word.dataset["otherwise"] ?? "");
  const every = bar.querySelector<HTMLInputElement>("[data-tick-all]");
  if (!every) return;
  every.checked = ticked > 0 && ticked === all.length;
  every.indeterminate = ticked > 0 && ticked < all.length;
}

function onChange(event: Event): void {
  const box = event.target;
  if (!(box instanceof HTMLInputElement)) return;
  if (box.matches("[data-tick-all]")) for (const each of ticks()) each.checked = box.checked;
  else if (!box.matches(TICKS)) return;
  count();
}

/** Results or a name were swapped: menus have done their work, and a new field wants its text. */
function onSwap(event: Event): void {
  const target = event.target instanceof Element ? event.target : document;
  const total = document.querySelector<HTMLElement>("[data-flow-total]");
  const shelf = document.querySelector<HTMLElement>(".flow-shelf");
  if (total && shelf) total.textContent = shelf.dataset["total"] ?? "";
  const field = target.querySelector<HTMLInputElement>("[data-rename] input[name=name]");
  if (field) {
    const menu = field.closest("article")?.querySelector<HTMLDetailsElement>("details.menu");
    if (menu) menu.open = false;
    field.focus();
    field.select();
  }
  count();
}

function onKey(event: KeyboardEvent): void {
  if (event.key !== "Escape" || !(event.target instanceof Element)) return;
  event.target.closest("[data-rename]")?.querySelector<HTMLElement>("[data-rename-cancel]")?.click();
}

/** Everything a page with ticks needs; harmless on others. */
export function watchTicks(): void {
  document.addEventListener("change", onChange);
  document.addEventListener("htmx:after:swap", onSwap);
  document.addEventListener("keydown", onKey);
  // A page that comes back from the browser's memory keeps its ticks.
  addEventListener("pageshow", count);
  count();
}
