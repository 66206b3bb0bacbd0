// The names that a node's expressions can use, asked for once for each node that is opened.

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
}

export interface ScopeFilter {
  readonly name: string;
  readonly call: string;
  readonly help: string;
}

export interface ScopeAnswer {
  readonly run: string | null;
  readonly names: readonly ScopeName[];
  readonly filters: readonly ScopeFilter[];
}

export type Preview =
  | { readonly value: string; readonly kind: string; readonly cut: boolean }
  | { readonly error: string; readonly kind: string };

/** What code fields below an element ask. */
export class Scope {
  answer: ScopeAnswer | null = null;
  private readonly waiting = new Set<() => void>();
  private readonly byPath = new Map<string, ScopeName>();

  constructor(
    private readonly flow: string,
    readonly node: string,
    private readonly run: string | null,
    /** The run as addresses name it. */
    private readonly about = run ? `run=${run}` : "",
  ) {}

  async load(): Promise<void> {
    const answer = await fetch(`/flows/${this.flow}/nodes/${this.node}/scope/?${this.about}`);
    if (!answer.ok || answer.redirected) return;
    this.answer = (await answer.json()) as ScopeAnswer;
    for (const name of this.answer.names) this.byPath.set(name.path, name);
    for (const tell of this.waiting) tell();
  }

  /** Call `tell` when the names are there. */
  onLoad(tell: () => void): () => void {
    this.waiting.add(tell);
    return () => this.waiting.delete(tell);
  }

  find(path: string): ScopeName | undefined {
    return this.byPath.get(path);
  }

  /** Whether anything listed stands below a name. */
  hasBelow(path: string): boolean {
    return this.answer?.names.some((name) => name.path.startsWith(`${path}.`)) ?? false;
  }

  async preview(text: string, template: boolean): Promise<Preview | null> {
    const body = { node: this.node, text, template, run: this.run ?? this.answer?.run ?? "" };
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

export function scopeOf(element: Element): Scope | null {
  for (let at: Element | null = element; at; at = at.parentElement) {
    const scope = scopes.get(at);
    if (scope) return scope;
  }
  return null;
}
