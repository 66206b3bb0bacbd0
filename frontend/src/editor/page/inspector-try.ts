// The inspector on a page without the rest of the editor: cards open it, edits stay in the page.
import { isObject, type Json } from "../fields/json";
import { Inspector } from "./inspector";
import type { FormEntry } from "./form";
import type { Problem } from "./form-problems";

function entries(): Map<string, FormEntry> {
  const state = JSON.parse(document.getElementById("flow-state")?.textContent ?? "{}") as {
    document: { nodes: FormEntry[] };
  };
  return new Map(state.document.nodes.map((node) => [node.id, node]));
}

function changed(entry: Json, path: readonly string[], value: Json | undefined): Json | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  const { [step]: old, ...others } = isObject(entry) ? entry : {};
  const made = changed(old ?? {}, rest, value);
  return made === undefined ? others : { ...others, [step]: made };
}

export function tryInspector(editor: HTMLElement): void {
  const panel = editor.querySelector<HTMLElement>("[data-inspector]");
  if (!panel) return;
  const nodes = entries();
  const inspector = new Inspector(panel, {
    flow: editor.dataset["flow"] ?? "",
    entry: (node) => nodes.get(node),
    onChange: (node, path, value) => {
      const entry = nodes.get(node) as unknown as Json;
      nodes.set(node, changed(entry, path, value) as unknown as FormEntry);
    },
    onRename: (node, to) => {
      panel.dispatchEvent(new CustomEvent("inspector:rename", { bubbles: true, detail: { node, to } }));
    },
    onClose: () => {},
  });
  const open = (event: Event): void => {
    const card = (event.target as Element).closest<HTMLElement>("[data-node].node-card");
    if (!card) return;
    void inspector.show(card.dataset["node"] ?? null, { focus: true });
  };
  const canvas = editor.querySelector<HTMLElement>("[data-canvas]");
  canvas?.addEventListener("dblclick", open);
  canvas?.addEventListener("keydown", (event) => {
    if (event.key === "Enter") open(event);
  });
  document.addEventListener("inspector-try:update", (event) => {
    const { node, path, value } = (event as CustomEvent).detail;
    nodes.set(node, changed(nodes.get(node) as unknown as Json, path, value) as unknown as FormEntry);
    inspector.update({ nodes: new Set([node]) });
  });
  document.addEventListener("inspector-try:problems", (event) => {
    inspector.showProblems((event as CustomEvent<Problem[]>).detail);
  });
}
