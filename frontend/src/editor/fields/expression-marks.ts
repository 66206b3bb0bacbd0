// Colours of expressions, and a line under names that are not known here, with what to do.
import { StateEffect, type Extension } from "@codemirror/state";
import { Decoration, ViewPlugin, type DecorationSet, type EditorView, type ViewUpdate } from "@codemirror/view";
import { ownNames, tokens, type Token } from "./expression";
import { scopeOf, type FieldScope } from "./scope";

/** Longer texts are not coloured: they are read at every letter. */
const LONGEST = 50_000;
const again = StateEffect.define<null>();

export function expressionMarks(host: HTMLElement, template: boolean): Extension {
  return ViewPlugin.define((view) => new Marks(view, host, template), {
    decorations: (marks) => marks.decorations,
  });
}

class Marks {
  decorations: DecorationSet;
  private readonly leave: () => void;

  constructor(
    view: EditorView,
    private readonly host: HTMLElement,
    private readonly template: boolean,
  ) {
    this.decorations = this.read(view);
    this.leave = scopeOf(host)?.onLoad(() => view.dispatch({ effects: again.of(null) })) ?? (() => {});
  }

  update(update: ViewUpdate): void {
    const asked = update.transactions.some((one) => one.effects.some((effect) => effect.is(again)));
    if (update.docChanged || asked) this.decorations = this.read(update.view);
  }

  destroy(): void {
    this.leave();
  }

  private read(view: EditorView): DecorationSet {
    const text = view.state.doc.toString();
    if (text.length > LONGEST) return Decoration.none;
    const scope = scopeOf(this.host);
    const own = this.template ? ownNames(text) : new Set<string>();
    const marks = tokens(text, this.template).map((token) => {
      const wrong = scope ? problemOf(token, scope, own) : null;
      if (!wrong) return Decoration.mark({ class: `x-${token.kind}` }).range(token.from, token.to);
      const attributes = { title: wrong };
      return Decoration.mark({ class: "x-unknown", attributes }).range(token.from, token.to);
    });
    return Decoration.set(marks, true);
  }
}

/** Why a token names nothing that is known here; null: it does, or nobody can tell. */
function problemOf(token: Token, scope: FieldScope, own: ReadonlySet<string>): string | null {
  if (!scope.isLoaded) return null;
  const { names } = scope;
  if (token.kind === "filter") return null;
  const [root, field] = token.path ?? [];
  if (root === undefined || own.has(root)) return null;
  const known = scope.find(root);
  if (!known && !scope.hasBelow(root)) {
    const near = nearest(root, names.map((name) => name.path.split(".")[0] ?? ""));
    return `There is no '${root}' here.${near}`;
  }
  if (field === undefined || !known || known.open || !scope.hasBelow(root)) return null;
  if (scope.find(`${root}.${field}`)) return null;
  const fields = names.filter((name) => name.path.startsWith(`${root}.`));
  return `'${root}' has no '${field}'.${nearest(field, fields.map((name) => name.path.split(".")[1] ?? ""))}`;
}

/** A sentence with the known name that is at most two letters away. */
function nearest(name: string, known: readonly string[]): string {
  let best = 3;
  let match = "";
  for (const one of new Set(known)) {
    const away = Math.abs(one.length - name.length) < best ? distance(one, name) : best;
    if (away < best && away < name.length) [best, match] = [away, one];
  }
  return match ? ` Did you mean '${match}'?` : "";
}

/** Letters to add, drop or change to make one name the other. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [line, letter] of [...one].entries()) {
    const next = [line + 1];
    for (const [at, there] of [...other].entries()) {
      const change = (row[at] ?? 0) + (letter === there ? 0 : 1);
      next.push(Math.min(change, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
