// The page of a run that was: it shows the flow of then, and follows no draft.
import { need } from "./dom";

export const PAST = "This is the flow of a run that was. Go back to the draft to run it, or run it again from a node.";

export function isPast(): boolean {
  return "past" in need("[data-editor]").dataset;
}
