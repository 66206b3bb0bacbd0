// A value as a tree whose levels are asked for when they are opened; its lines can be dragged or
// pressed into a field.
import { make } from "./dom";
import { sized, written, type Child, type Level, type NodeValues, type Step } from "./node-values";

export interface TreeHost {
  readonly of: "input" | "output";
  readonly values: NodeValues;
  /** Put before the paths that are written: the node whose output this is. */
  readonly prefix: readonly Step[];
  /** Null where values cannot be put into fields. */
  readonly picked: ((expression: string) => void) | null;
  /** Lines that are open, by their path as JSON. */
  readonly opened: Set<string>;
}

/** Show a value by its first level; what was open is opened again. */
export function fillTree(place: HTMLElement, host: TreeHost, level: Level): void {
  place.replaceChildren();
  addLevel(place, host, [], level);
}

function addLevel(place: HTMLElement, host: TreeHost, path: readonly Step[], level: Level): void {
  if (level.error) {
    place.append(make("p", { class: "caption" }, level.error));
    return;
  }
  if (level.text !== undefined) {
    place.append(longText(level));
    return;
  }
  const known = place.querySelector<HTMLElement>(":scope > ul");
  const list = known ?? make("ul", { class: "data-tree" });
  for (const child of level.children ?? []) list.append(line(host, [...path, child.key], child));
  if (!known) place.append(list);
  if (level.more) {
    const next = (level.offset ?? 0) + (level.children?.length ?? 0);
    const left = (level.count ?? next) - next;
    place.append(moreButton(place, host, path, next, left));
  } else if (level.whole === false) {
    place.append(make("p", { class: "caption" }, `Only the beginning of ${sized(level.size ?? 0)} is shown.`));
  }
}

function longText(level: Level): HTMLElement {
  const text = make("pre", { class: "code-block" }, level.text ?? "");
  text.tabIndex = 0;
  if (!level.cut) return text;
  const both = make("div");
  both.append(text, make("p", { class: "caption" }, "Only the beginning is shown."));
  return both;
}

function moreButton(
  place: HTMLElement,
  host: TreeHost,
  path: readonly Step[],
  offset: number,
  left: number,
): HTMLElement {
  const button = make("button", { class: "text-link caption" }, `${left} more…`);
  button.type = "button";
  button.addEventListener("click", async () => {
    button.disabled = true;
    const level = await host.values.level({ of: host.of, path, offset });
    button.remove();
    if (level) addLevel(place, host, path, level);
  });
  return button;
}

function line(host: TreeHost, path: readonly Step[], child: Child): HTMLElement {
  const item = make("li");
  item.dataset["key"] = String(child.key);
  const name = nameOf(host, path, child);
  const facts = make("span", { class: "data-type" }, factsOf(child));
  const preview = make("span", { class: "data-preview" }, child.ran === false ? "has not run" : child.preview);
  const shown = make("div", { class: "data-line" });
  item.append(shown);
  if (child.opens) {
    const below = make("div", { class: "data-below" });
    below.hidden = true;
    shown.append(toggle(host, path, child, below));
    item.append(below);
  }
  shown.append(name, facts, preview);
  return item;
}

/** Opens and closes the level below; it is asked for when it is first opened. */
function toggle(
  host: TreeHost,
  path: readonly Step[],
  child: Child,
  below: HTMLElement,
): HTMLButtonElement {
  const key = JSON.stringify(path);
  const button = make("button", { class: "data-toggle" });
  button.type = "button";
  button.setAttribute("aria-label", `Open ${child.title ?? child.key}`);
  button.setAttribute("aria-expanded", "false");
  const turn = async (): Promise<void> => {
    below.hidden = !below.hidden;
    button.setAttribute("aria-expanded", String(!below.hidden));
    if (below.hidden) host.opened.delete(key);
    else host.opened.add(key);
    if (below.hidden || below.childElementCount) return;
    below.append(make("p", { class: "caption" }, "Loading…"));
    const level = await host.values.level({ of: host.of, path });
    below.replaceChildren();
    if (level) addLevel(below, host, path, level);
    else below.append(make("p", { class: "caption" }, "The server does not answer. Close and open it again."));
  };
  button.addEventListener("click", () => void turn());
  if (host.opened.has(key)) void turn();
  return button;
}

function nameOf(host: TreeHost, path: readonly Step[], child: Child): HTMLElement {
  const shown = child.title ? `${child.title} · ${child.key}` : String(child.key);
  const expression = `{{ ${written([...host.prefix, ...path])} }}`;
  if (!host.picked) return make("span", { class: "data-key" }, shown);
  const name = make("button", { class: "data-key" }, shown);
  name.type = "button";
  name.draggable = true;
  name.title = `Insert ${expression}`;
  name.addEventListener("dragstart", (event) => {
    event.dataTransfer?.setData("text/plain", expression);
  });
  name.addEventListener("click", () => host.picked?.(expression));
  return name;
}

function factsOf(child: Child): string {
  const facts = [child.type];
  if (child.size) facts.push(sized(child.size));
  else if (child.count !== undefined) facts.push(String(child.count));
  if (child.pinned) facts.push("pinned");
  return facts.join(" · ");
}
