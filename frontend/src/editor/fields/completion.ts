// Completion within {{ … }}: names by the node that gives them, with type and last value; filters.
import {
  insertCompletionText,
  startCompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  type CompletionSection,
} from "@codemirror/autocomplete";
import { EditorView } from "@codemirror/view";
import { codeBefore } from "./expression";
import { scopeOf, type FieldScope, type ScopeFilter, type ScopeName } from "./scope";

type Source = (context: CompletionContext) => CompletionResult | null;

export function completeFrom(host: HTMLElement, template: boolean): Source {
  return (context) => {
    const scope = scopeOf(host);
    if (!scope?.isLoaded) return null;
    const before = codeBefore(context.state.sliceDoc(0, context.pos), context.pos, template);
    if (before === null) return context.explicit ? outside(scope, context.pos) : null;
    const filter = /\|\s*(\w*)$/.exec(before);
    if (filter) {
      const from = context.pos - (filter[1] ?? "").length;
      return { from, options: scope.filters.map(asFilter), validFor: /^\w*$/ };
    }
    const word = /[\w.]*$/.exec(before)?.[0] ?? "";
    // A text in quotes, or a number.
    if (/^\d/.test(word) || /(["'])[^"']*$/.test(before.replace(/(["'])[^"']*\1/g, ""))) return null;
    return {
      from: context.pos - word.length,
      options: names(scope),
      validFor: /^[\w.]*$/,
    };
  };
}

/** Asked for where there is no expression: one is begun. */
function outside(scope: FieldScope, from: number): CompletionResult {
  const options = names(scope).map((name) => ({ ...name, apply: `{{ ${name.label} }}` }));
  return { from, options, filter: false };
}

function names(scope: FieldScope): Completion[] {
  const sections = new Map<string, CompletionSection>();
  return scope.names.map((name) => {
    const heading = name.node ? `${name.title} (${name.node})` : name.title;
    const section = sections.get(heading) ?? { name: heading, rank: sections.size };
    sections.set(heading, section);
    return asName(name, section);
  });
}

function asName(name: ScopeName, section: CompletionSection): Completion {
  const pinned = name.pinned ? " (pinned)" : "";
  const value = name.value === undefined ? "" : ` · ${shortened(name.value)}${pinned}`;
  const option: Completion = { label: name.path, detail: `${name.type}${value}`, section };
  if (name.value !== undefined && name.value.length > 24) {
    option.info = () => {
      const text = document.createElement("div");
      text.textContent = name.value ?? "";
      return text;
    };
  }
  return option;
}

function shortened(value: string): string {
  return value.length > 24 ? `${value.slice(0, 23)}…` : value;
}

function asFilter(filter: ScopeFilter): Completion {
  const takes = filter.call.includes("(");
  return {
    label: filter.name,
    detail: filter.help,
    displayLabel: filter.call,
    apply: (view, _, from, to) => {
      const text = takes ? `${filter.name}()` : filter.name;
      const change = insertCompletionText(view.state, text, from, to);
      const anchor = from + filter.name.length + (takes ? 1 : 0);
      view.dispatch({ ...change, selection: { anchor } });
    },
  };
}

/** The second brace closes the expression and opens the list; what it put there can be typed over. */
export const closeBraces = EditorView.inputHandler.of((view, from, to, text) => {
  if (from === to && typedOver(view, from, text)) return true;
  const before = view.state.sliceDoc(Math.max(0, from - 1), from);
  const after = view.state.sliceDoc(to, to + 1);
  if (text !== "{" || before !== "{" || from !== to || after === "{") return false;
  view.dispatch({
    changes: { from, to, insert: "{  }}" },
    selection: { anchor: from + 2 },
    userEvent: "input.type",
  });
  startCompletion(view);
  return true;
});

/** A space or a closing brace that stands there already is not written twice. */
function typedOver(view: EditorView, at: number, text: string): boolean {
  const before = view.state.sliceDoc(0, at);
  const after = view.state.sliceDoc(at, at + 3);
  if (text === " ") return before.endsWith("{{ ") && after === " }}";
  if (text !== "}") return false;
  const code = codeBefore(before, at, false);
  if (code === null || count(code, "{") > count(code, "}")) return false;
  // `{{ a }|}`: the first of the two was typed just now.
  if (code.endsWith("}")) {
    if (!after.startsWith("}")) return false;
    view.dispatch({ selection: { anchor: at + 1 } });
    return true;
  }
  const close = /^ ?\}\}/.exec(after);
  if (!close) return false;
  const spare = after.startsWith(" ") && before.endsWith(" ");
  view.dispatch({
    ...(spare ? { changes: { from: at, to: at + 1 } } : {}),
    selection: { anchor: at + close[0].length - 1 - (spare ? 1 : 0) },
    userEvent: "input.type",
  });
  return true;
}

function count(text: string, sign: string): number {
  return text.split(sign).length - 1;
}
