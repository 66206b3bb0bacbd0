// Small help to make elements: the pages' policy allows no markup from strings.

type Attributes = Record<string, string | number | boolean | null | undefined>;

/** An element; attributes that are false, null or undefined are left out, true is the empty one. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string | null)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

/** A small button that says `text`, or `label` to those who do not see it. */
export function textButton(text: string, label: string, press: () => void): HTMLButtonElement {
  const look = { class: "btn", type: "button", "data-variant": "ghost", "data-size": "xs" };
  const button = make("button", { ...look, "aria-label": label || null }, text);
  button.addEventListener("click", press);
  return button;
}

/** An icon of the page's sprite, as `templates/flows/editor/_icons.html` names them. */
export function icon(name: string, size = 16): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("width", String(size));
  svg.setAttribute("height", String(size));
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** The icon of a run's state, of the sprite that badges use. */
export function stateIcon(state: string): SVGSVGElement {
  const svg = icon("", 16);
  svg.classList.add("state-icon");
  svg.querySelector("use")?.setAttribute("href", `#state-${state}`);
  return svg;
}

/** The icon of a node type on its category's colour. */
export function typeIcon(type: string, category: string): HTMLElement {
  return make("span", { class: "category-icon", "data-category": category }, icon(`type-${type}`, 15));
}

/** The element, or an error that names what the template lacks. */
export function need<E extends HTMLElement>(selector: string, within: ParentNode = document): E {
  const found = within.querySelector<E>(selector);
  if (!found) throw new Error(`The editor's page has no ${selector}.`);
  return found;
}

export function setText(element: Element | null, text: string): void {
  if (element && element.textContent !== text) element.textContent = text;
}

/** Put something that floats beside a point, inside the window with 8 px around it. */
export function placeAt(element: HTMLElement, at: { x: number; y: number }): void {
  const box = element.getBoundingClientRect();
  const left = Math.min(at.x, innerWidth - box.width - 8);
  const below = at.y + box.height <= innerHeight - 8;
  const top = below ? at.y : Math.max(at.y - box.height, innerHeight - box.height - 8);
  element.style.left = `${Math.max(left, 8)}px`;
  element.style.top = `${Math.max(Math.min(top, innerHeight - box.height - 8), 8)}px`;
}

/** What people wrote in storage that may be forbidden or full. */
export const memory = {
  read(key: string): string | null {
    try {
      return localStorage.getItem(`flux:${key}`);
    } catch {
      return null;
    }
  },
  write(key: string, value: string): void {
    try {
      localStorage.setItem(`flux:${key}`, value);
    } catch {
      // It then holds for this page only.
    }
  },
};

/** Names used last, newest first. */
export function remembered(key: string): string[] {
  return (memory.read(key) ?? "").split(" ").filter(Boolean);
}

export function remember(key: string, name: string, most: number): void {
  const names = [name, ...remembered(key).filter((other) => other !== name)];
  memory.write(key, names.slice(0, most).join(" "));
}

/** “3 nodes”, “1 node”. */
export function counted(count: number, word: string): string {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}
