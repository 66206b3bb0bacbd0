// What the parts of the editor's actions work with: the flow, its picture, and a way to change it.
import type { Canvas } from "../canvas/index";
import type { FlowModel } from "../model";
import type { Op } from "../ops";
import type { Said } from "./actions";

export interface Hands {
  readonly flow: string;
  readonly readOnly: boolean;
  readonly model: FlowModel;
  readonly canvas: Canvas;
  /** Whether it was done; if it was not, that is said. */
  commit(label: string, ops: readonly Op[]): boolean;
  say(said: Said): void;
}
