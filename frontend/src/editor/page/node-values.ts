// Asks the server for one level of a node's data: what comes in, or what it gave.

export type Step = string | number;

export interface Child {
  readonly key: Step;
  readonly type: string;
  readonly preview: string;
  readonly opens: boolean;
  readonly count?: number;
  /** Bytes, of a value that is stored apart. */
  readonly size?: number;
  readonly title?: string;
  readonly ran?: boolean;
  /** Somebody fixed it for runs from the editor. */
  readonly pinned?: boolean;
}

export interface RunNote {
  readonly id: string;
  readonly status: string;
  readonly at: string;
}

export interface Level {
  readonly run: RunNote | null;
  readonly error?: string;
  readonly type?: string;
  readonly size?: number;
  readonly whole?: boolean;
  readonly count?: number;
  readonly offset?: number;
  readonly more?: boolean;
  readonly children?: readonly Child[];
  readonly text?: string;
  readonly cut?: boolean;
  readonly columns?: readonly string[];
  readonly rows?: readonly (readonly string[])[];
  readonly output?: true | null;
  readonly state?: string | null;
  readonly pinned?: boolean;
  readonly download?: string;
  readonly stored?: readonly { readonly path: string; readonly url: string }[];
}

export interface Asked {
  readonly of: "input" | "output";
  readonly as?: "tree" | "table" | "text";
  readonly path?: readonly Step[];
  readonly offset?: number;
}

export class NodeValues {
  constructor(
    private readonly flow: string,
    readonly node: string,
    /** `run=…` where it is not the latest. */
    private readonly about: string,
  ) {}

  /** Null where the server cannot be asked. */
  async level(asked: Asked): Promise<Level | null> {
    const query = new URLSearchParams(this.about);
    query.set("of", asked.of);
    query.set("as", asked.as ?? "tree");
    query.set("path", JSON.stringify(asked.path ?? []));
    if (asked.offset) query.set("offset", String(asked.offset));
    try {
      const answer = await fetch(`/flows/${this.flow}/nodes/${this.node}/data/?${query}`);
      return answer.ok && !answer.redirected ? ((await answer.json()) as Level) : null;
    } catch {
      return null;
    }
  }
}

/** A path as expressions write it: `ask.json["a b"][0]`. */
export function written(path: readonly Step[]): string {
  return path
    .map((step, at) => {
      if (typeof step === "number") return `[${step}]`;
      if (/^[A-Za-z_]\w*$/.test(step)) return at === 0 ? step : `.${step}`;
      return `[${JSON.stringify(step)}]`;
    })
    .join("");
}

export function sized(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
