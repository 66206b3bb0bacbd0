// The text of one node while it streams: pieces may come twice, early or late.
import type { Delta } from "./run-messages";

export class StreamText {
  private readonly early: Delta[] = [];
  private fresh = "";

  /** `length` is of the text known already, in code points, as the server counts. */
  constructor(
    readonly attempt: number,
    private length: number,
    readonly part = 0,
  ) {}

  /** Take a piece; what of it is new waits in `takeFresh`. */
  add(delta: Delta): void {
    this.early.push(delta);
    let took = true;
    while (took) {
      took = false;
      for (let index = 0; index < this.early.length; index += 1) {
        const piece = this.early[index];
        if (!piece || piece.offset > this.length) continue;
        this.early.splice(index, 1);
        took = this.append(piece) || took;
        index -= 1;
      }
    }
  }

  takeFresh(): string {
    const text = this.fresh;
    this.fresh = "";
    return text;
  }

  private append(piece: Delta): boolean {
    const size = codePoints(piece.text);
    const known = this.length - piece.offset;
    if (known >= size) return false;
    this.fresh += known === 0 ? piece.text : Array.from(piece.text).slice(known).join("");
    this.length = piece.offset + size;
    return true;
  }
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Put text behind what an element holds, without laying that out anew. */
export function append(element: Element | null, text: string): void {
  if (!element || !text) return;
  const last = element.lastChild;
  if (last instanceof Text) last.appendData(text);
  else element.append(text);
}
