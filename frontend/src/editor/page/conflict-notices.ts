// What people are told where changes met, and what they may do about it.
import type { Notice } from "../pending";
import type { Sync } from "../sync";
import type { ConflictNotice } from "./actions";

export function noticesOf(sync: Sync, notices: readonly Notice[]): ConflictNotice[] {
  return notices.map((notice, index) => ({
    id: `${notice.change}:${notice.conflict.op}:${index}`,
    message: notice.conflict.message,
    ...(notice.conflict.node ? { node: notice.conflict.node } : {}),
    ...(notice.conflict.by ? { by: notice.conflict.by } : {}),
    ...(notice.conflict.theirs === undefined ? {} : { theirs: notice.conflict.theirs }),
    actions: actionsOf(sync, notice),
  }));
}

function actionsOf(sync: Sync, notice: Notice): ConflictNotice["actions"] {
  const { conflict, op } = notice;
  if (notice.aside) {
    return [
      { label: "Try again", run: () => void sync.putBack(notice.change) },
      { label: "Drop mine", run: () => sync.dropAside(notice.change) },
    ];
  }
  if (conflict.code !== "overwritten" || op?.op !== "set") return [];
  const theirs = { ...op, ...(conflict.theirs === null ? {} : { value: conflict.theirs }) };
  const { value: _, ...removed } = op;
  return [
    { label: "Keep mine", run: () => undefined },
    {
      label: "Take theirs",
      run: () => {
        if (!sync.model.nodes.has(op.node)) return;
        sync.commit("Take the other value", [conflict.theirs === undefined ? removed : theirs] as never);
      },
    },
  ];
}
