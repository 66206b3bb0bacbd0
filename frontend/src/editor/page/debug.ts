// A handle for tests and benchmarks, in pages that were opened with `?debug` by those who may edit.
//
// It gives nothing that the page's own script does not have: what it does goes through the same
// actions, and the server asks for the same rights. Nobody else has a use for it, so it is not there.
import type { Session } from "../session";
import type { Notice } from "../pending";
import type { Op } from "../ops";
import type { FlowActions } from "./flow-actions";

interface Made {
  readonly label: string;
  readonly ops: readonly Op[];
}

interface Handle extends Pick<Session, "model" | "sync" | "history"> {
  readonly actions: FlowActions;
  /** Every change of this page, undo and redo included, as it was made. */
  readonly made: Made[];
  /** Every notice that was shown. */
  readonly notices: Notice[];
  /** Names that nodes got in place of others, in order: from, to, and how many changes were made. */
  readonly renamed: [string, string, number][];
}

declare global {
  interface Window {
    fluxEditor?: Handle;
  }
}

export function exposeForTests(session: Session, actions: FlowActions): void {
  if (!new URLSearchParams(location.search).has("debug") || actions.readOnly) return;
  const { model, sync, history } = session;
  const handle: Handle = { model, sync, history, actions, made: [], notices: [], renamed: [] };
  const { onConflicts, onRenamed } = sync;
  const commit = sync.commit.bind(sync);
  sync.commit = (label, ops, options) => {
    const outcome = commit(label, ops, options);
    if (outcome) handle.made.push({ label, ops });
    return outcome;
  };
  sync.onConflicts = (notices) => {
    handle.notices.push(...notices);
    onConflicts(notices);
  };
  sync.onRenamed = (ids) => {
    for (const [from, to] of ids) handle.renamed.push([from, to, handle.made.length]);
    onRenamed(ids);
  };
  window.fluxEditor = handle;
}
