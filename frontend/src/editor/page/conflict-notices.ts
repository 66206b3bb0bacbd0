// What people are told where changes met, and what they may do about it.
import type { Notice } from "../pending.ts";
import type { Sync } from "../sync.ts";
import type { ConflictNotice } from "./actions.ts";

/** Sentences of one notice. */
const MOST_SAID = 3;

/** What was set aside together is one notice, for it is put back or dropped together. */
export function noticesOf(sync: Sync, notices: readonly Notice[]): ConflictNotice[] {
  const asides = new Set(notices.flatMap(({ aside }) => aside ?? []));
  // Where a card stands is seen, and dragged elsewhere in a moment.
  const others = notices.filter(({ aside, op }) => aside === null && op?.op !== "place");
  return [
    ...[...asides].flatMap((id) => ofAside(sync, id, notices.filter(({ aside }) => aside === id))),
    ...others.map((notice) => ofReplaced(sync, notice)),
  ];
}

function ofAside(sync: Sync, id: string, about: readonly Notice[]): ConflictNotice[] {
  const [first] = about;
  if (!first) return [];
  const messages = new Set(about.map(({ conflict }) => conflict.message));
  return [{
    id,
    message: [...messages].slice(0, MOST_SAID).join(" "),
    ...nodeOf(sync, first),
    actions: [
      { label: "Try again", run: () => sync.putBack(id).length === 0 },
      { label: "Drop mine", run: () => gone(() => sync.dropAside(id)) },
    ],
  }];
}

/** Of one field the last notice counts: it has the place of those before. */
function ofReplaced(sync: Sync, notice: Notice): ConflictNotice {
  const { change, conflict } = notice;
  const { code, node, path } = conflict;
  return {
    id: code === "overwritten" ? JSON.stringify([code, node, path]) : `${change}:${conflict.op}:${code}`,
    message: conflict.message,
    ...nodeOf(sync, notice),
    ...(conflict.by ? { by: conflict.by } : {}),
    ...(conflict.theirs === undefined ? {} : { theirs: conflict.theirs }),
    actions: waysOf(sync, notice),
  };
}

/** The node that can be shown: it may be gone. */
function nodeOf(sync: Sync, { conflict: { node } }: Notice): { node?: string } {
  return node && sync.model.nodes.has(node) ? { node } : {};
}

function waysOf(sync: Sync, { conflict, op }: Notice): ConflictNotice["actions"] {
  if (conflict.code !== "overwritten" || op?.op !== "set") return [];
  const theirs = { ...op, ...(conflict.theirs === null ? {} : { value: conflict.theirs }) };
  const { value: _, ...removed } = op;
  return [
    { label: "Keep mine", run: () => true },
    {
      label: "Take theirs",
      run: () => gone(() => {
        if (!sync.model.nodes.has(op.node)) return;
        sync.commit("Take the other value", [conflict.theirs === undefined ? removed : theirs] as never);
      }),
    },
  ];
}

/** After this the notice is not needed any more. */
function gone(decide: () => void): true {
  decide();
  return true;
}
