// What a drag on the canvas is, whatever it drags.
import type { Point } from "./types";

export interface Held {
  client: Point;
  alt: boolean;
}

export interface Gesture {
  /** Also called when the view moves under a still pointer. */
  move(held: Held): void;
  end(held: Held): void;
  /** Put everything back as it was. */
  cancel(): void;
}
