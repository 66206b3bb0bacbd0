// The names that a node's expressions can use, by field; asked for again as the flow changes.
import { topField } from "./parts";

export interface ScopeName {
  readonly path: string;
  /** The node that gives it; empty for run, vars, item, index and state. */
  readonly node: string;
  readonly title: string;
  readonly type: string;
  /** Whether it may have fields that are not listed. */
  readonly open: boolean;
  /** The beginning of its last value, where it had one. */
  readonly value?: string;
  /** The value is one that somebody fixed. */
  readonly pinned?: boolean;
}

export interface ScopeFilter {
  readonly name: string;
  readonly call: string;
  readonly help: string;
}

export interface ScopeAnswer {
  readonly run: string | null;
  readonly names: readonly ScopeName[];
  /** Names that only some fields see, by field: `retry.if`, the result of a container. */
  readonly fields: { readonly [field: string]: readonly ScopeName[] };
  readonly filters: readonly ScopeFilter[];
}

export type Preview = { readonly kind: string; readonly pinned?: boolean } & (
  | { readonly value: string; readonly cut: boolean }
  | { readonly error: string }
);

/** What the code fields of one node ask. */
export class Scope {
  answer: ScopeAnswer | null = null;
  private readonly waiting = new Set<() => void>();
  private asked = 0;
  private run: string | null = null;
  private text = "";

  constructor(
    private readonly flow: string,
    readonly node: string,
  ) {}

  /**
   * Ask for the names, with values from a run; who waits for them is told if they are others.
   * `about` is the run as addresses name it.
   */
  async load(run: string | null, about = run ? `run=${run}` : ""): Promise<void> {
    this.run = run;
    const asked = (this.asked += 1);
    const text = await namesOf(`/flows/${this.flow}/nodes/${this.node}/scope/?${about}`);
    if (text === null || asked !== this.asked || text === this.text) return;
    this.text = text;
    this.answer = JSON.parse(text) as ScopeAnswer;
    for (const tell of this.waiting) tell();
  }

  /** Call `tell` whenever there are other names. */
  onLoad(tell: () => void): () => void {
    this.waiting.add(tell);
    return () => this.waiting.delete(tell);
  }

  async preview(text: string, template: boolean, field: string): Promise<Preview | null> {
    const run = this.run ?? this.answer?.run ?? "";
    const body = { node: this.node, text, template, field, run };
    try {
      const answer = await fetch(`/flows/${this.flow}/preview/`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
        body: JSON.stringify(body),
      });
      if (answer.redirected || (!answer.ok && answer.status !== 429)) return null;
      return (await answer.json()) as Preview;
    } catch {
      return null;
    }
  }
}

async function namesOf(address: string): Promise<string | null> {
  try {
    const answer = await fetch(address, { cache: "no-store" });
    return answer.ok && !answer.redirected ? await answer.text() : null;
  } catch {
    return null;
  }
}

/** The names as one field sees them. */
export class FieldScope {
  private known: ScopeAnswer | null = null;
  private list: readonly ScopeName[] = [];
  private byPath = new Map<string, ScopeName>();

  constructor(
    private readonly scope: Scope,
    private readonly field: string,
  ) {}

  get isLoaded(): boolean {
    return this.scope.answer !== null;
  }

  get filters(): readonly ScopeFilter[] {
    return this.scope.answer?.filters ?? [];
  }

  /** What is nearest first. */
  get names(): readonly ScopeName[] {
    const { answer } = this.scope;
    if (answer && answer !== this.known) {
      this.known = answer;
      const own = answer.fields[this.field] ?? [];
      const hidden = new Set(own.map((name) => name.path));
      this.list = [...own, ...answer.names.filter((name) => !hidden.has(name.path))];
      this.byPath = new Map(this.list.map((name) => [name.path, name]));
    }
    return this.list;
  }

  onLoad(tell: () => void): () => void {
    return this.scope.onLoad(tell);
  }

  find(path: string): ScopeName | undefined {
    return this.names.length ? this.byPath.get(path) : undefined;
  }

  /** Whether anything listed stands below a name. */
  hasBelow(path: string): boolean {
    return this.names.some((name) => name.path.startsWith(`${path}.`) || name.path.startsWith(`${path}[`));
  }

  preview(text: string, template: boolean): Promise<Preview | null> {
    return this.scope.preview(text, template, this.field);
  }
}

/** The token of this moment: a page that is open long has an old one. */
export function csrfToken(): string {
  const name = document.querySelector<HTMLMetaElement>("meta[name=csrf-cookie]")?.content ?? "";
  const pair = document.cookie.split("; ").find((cookie) => cookie.startsWith(`${name}=`));
  return pair ? decodeURIComponent(pair.slice(name.length + 1)) : "";
}

const scopes = new WeakMap<Element, Scope>();

export function setScope(owner: Element, scope: Scope): void {
  scopes.set(owner, scope);
}

const views = new WeakMap<Scope, Map<string, FieldScope>>();

/** The names that hold in the field that an element is in. */
export function scopeOf(element: Element): FieldScope | null {
  let scope: Scope | undefined;
  for (let at: Element | null = element; at && !scope; at = at.parentElement) scope = scopes.get(at);
  if (!scope) return null;
  const field = fieldOf(element);
  const known = views.get(scope) ?? new Map<string, FieldScope>();
  views.set(scope, known);
  const view = known.get(field) ?? new FieldScope(scope, field);
  known.set(field, view);
  return view;
}

/** As the server calls it: a field of the config by its name, the condition of retries `retry.if`. */
function fieldOf(element: Element): string {
  const [first = "", second = ""] = JSON.parse(topField(element)?.dataset["path"] ?? "[]") as string[];
  if (first === "retry") return "retry.if";
  return first === "config" ? second : first;
}
