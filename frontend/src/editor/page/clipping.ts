// Copies, cuts, pastes and duplicates nodes; a flow keeps its one start, and secrets stay behind.
import { copyNodes, duplicateNodes, pasteClip } from "../clipboard";
import type { Clip, SecretPaths } from "../clipboard";
import { readOnServer } from "../browser";
import type { Place } from "../ops";
import { recognise } from "../paste";
import { named, removed } from "./composing";
import type { Hands } from "./hands";
import { nodeTypes } from "./node-types";

const CARD_STEP = 130;
/** Pixels to the right and down of what was pasted at the same place. */
const ASIDE = 40;
const ONE_START = "A flow has one start, and this one has it already.";

export class Clipping {
  constructor(private readonly hands: Hands) {}

  /** To the clipboard that came with an event, else to the system's. */
  async copy(to?: DataTransfer): Promise<void> {
    const said = await this.toClipboard(to);
    if (said) this.hands.say({ text: `Copied ${said}.` });
  }

  async cut(to?: DataTransfer): Promise<void> {
    const nodes = this.selected();
    const said = await this.toClipboard(to);
    if (!said) return;
    const { ops } = removed(this.hands.model, nodes, []);
    if (this.hands.commit(`Cut ${named(this.hands.model, nodes)}`, ops)) {
      this.hands.say({ text: `Cut ${said}.`, undo: true });
    }
  }

  duplicate(ids: readonly string[]): void {
    const { model, canvas } = this.hands;
    const instead = this.starts([...model.withInside(ids)].flatMap((id) => model.nodes.get(id) ?? []));
    const copies = duplicateNodes(model, ids, instead);
    if (instead.size > 0 && copies.ids.size === instead.size) {
      this.hands.say({ text: ONE_START, tone: "warning" });
    } else if (this.hands.commit(copies.label, copies.ops)) {
      canvas.select(newOnes(copies.ids, instead));
      this.hands.say({ text: `${copies.done}.${keptStart(instead, null)}`, undo: true });
    }
  }

  /** Without a text: the system clipboard's. True, or a sentence that says why not. */
  async paste(text?: string): Promise<true | string> {
    const given = text ?? (await clipboardText());
    if (given === null) return "The browser does not show what is in the clipboard. Press Ctrl+V.";
    const found = await recognise(given, (unread) => readOnServer(this.hands.flow, unread));
    if (found.kind === "nothing") return found.message;
    const { model, canvas } = this.hands;
    const at = this.freeSpot();
    const parent = this.parent();
    const instead = this.starts(found.clip.nodes);
    if (instead.size === found.clip.nodes.length) return ONE_START;
    const pasted = pasteClip(model, withPlaces(found.clip, at), { at, parent, instead });
    if (!this.hands.commit(pasted.label, pasted.ops)) return "It could not be pasted.";
    canvas.select(newOnes(pasted.ids, instead));
    const notes = found.notes[0] ? ` ${found.notes[0]}` : "";
    this.hands.say({ text: `${pasted.done}.${keptStart(instead, parent)}${notes}`, undo: true });
    return true;
  }

  /** What was copied, for people; empty: nothing was. */
  private async toClipboard(to?: DataTransfer): Promise<string> {
    const nodes = this.selected();
    if (nodes.length === 0) return "";
    const { text, leftOut } = copyNodes(this.hands.model, nodes, secretPaths());
    if (to) to.setData("text/plain", text);
    else await navigator.clipboard.writeText(text);
    return `${named(this.hands.model, nodes)}${leftOut.length > 0 ? ", without what is secret in it" : ""}`;
  }

  /** Starts among these nodes, where the flow has one: that one stands for them. */
  private starts(nodes: readonly { id: string; type: string }[]): Map<string, string> {
    const known = new Map([...this.hands.model.nodes.values()].map(({ id, type }) => [type, id]));
    return new Map(nodes.flatMap(({ id, type }): [string, string][] => {
      const own = nodeTypes().get(type)?.once ? known.get(type) : undefined;
      return own === undefined ? [] : [[id, own]];
    }));
  }

  /** In the middle of the view, and beside what was pasted there before. */
  private freeSpot(): Place {
    const { model, canvas } = this.hands;
    const centre = canvas.visibleCentre();
    let at = { x: Math.round(centre.x / 10) * 10 - 120, y: Math.round(centre.y / 10) * 10 - 40 };
    const places = [...model.places.values()];
    while (places.some(({ x, y }) => Math.abs(x - at.x) < ASIDE && Math.abs(y - at.y) < ASIDE)) {
      at = { x: at.x + ASIDE, y: at.y + ASIDE };
    }
    return at;
  }

  private selected(): string[] {
    return [...this.hands.canvas.selection];
  }

  /** The container that all of the selection is in, for what is pasted; null: none. */
  private parent(): string | null {
    const parents = new Set(this.selected().map((id) => this.hands.model.nodes.get(id)?.parent ?? null));
    const [only] = parents;
    return parents.size === 1 ? (only ?? null) : null;
  }
}

function secretPaths(): SecretPaths {
  const types = [...nodeTypes().values()].filter(({ secrets }) => secrets.length > 0);
  return Object.fromEntries(types.map(({ type, secrets }) => [type, new Set(secrets)]));
}

function newOnes(ids: ReadonlyMap<string, string>, instead: ReadonlyMap<string, string>): string[] {
  return [...ids].flatMap(([from, to]) => (instead.has(from) ? [] : [to]));
}

function keptStart(instead: ReadonlyMap<string, string>, parent: string | null): string {
  if (instead.size === 0) return "";
  if (parent !== null) return " The flow keeps its own start, which cannot lead into a container.";
  return " The flow keeps its own start, and what came after the other one follows it.";
}

function withPlaces(clip: Clip, at: Place): Clip {
  if (Object.keys(clip.layout).length > 0) return clip;
  const layout = Object.fromEntries(clip.nodes.map((node, index) => [node.id, { x: at.x, y: at.y + index * CARD_STEP }]));
  return { ...clip, layout };
}

async function clipboardText(): Promise<string | null> {
  try {
    return await navigator.clipboard.readText();
  } catch {
    return null;
  }
}
