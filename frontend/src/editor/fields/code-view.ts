// The editor of a code field: what every one has, and the languages, fetched when they are used.
import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, StateEffect, StateField, type Extension } from "@codemirror/state";
import { EditorView, drawSelection, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { closeBraces, completeFrom } from "./completion";
import { expressionMarks } from "./expression-marks";
import { theme } from "./code-theme";

export interface ViewOptions {
  readonly root: ShadowRoot;
  readonly parent: HTMLElement;
  /** The element whose place in the page tells the names. */
  readonly host: HTMLElement;
  readonly text: string;
  readonly single: boolean;
  readonly language: string;
  readonly evaluated: boolean;
  readonly placeholder: string;
  readonly changed: (text: string) => void;
}

/** The usual ones; Ctrl+Enter, which would open a line below, runs the flow. */
const EDITING_KEYS = defaultKeymap.filter(({ key }) => key !== "Mod-Enter");

const language = new Compartment();
const readOnly = new Compartment();
const texts = new Compartment();
const named = StateEffect.define<string>();
const languageName = StateField.define<string>({
  create: () => "expression",
  update: (now, { effects }) => effects.find((effect) => effect.is(named))?.value ?? now,
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.bool, tags.null], color: "var(--category-ai)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--category-output)" },
  { tag: tags.number, color: "var(--category-trigger)" },
  { tag: [tags.propertyName, tags.heading, tags.link], color: "var(--category-tool)" },
  { tag: tags.comment, color: "var(--muted-foreground)" },
  { tag: tags.strong, fontWeight: "650" },
  { tag: tags.emphasis, fontStyle: "italic" },
]);

export function buildView(options: ViewOptions): EditorView {
  const template = options.language === "template";
  const view = new EditorView({
    root: options.root,
    parent: options.parent,
    state: EditorState.create({ doc: options.text, extensions: extensions(options, template) }),
  });
  setLanguage(view, options.language);
  return view;
}

function extensions(options: ViewOptions, template: boolean): Extension[] {
  const computed = options.evaluated
    ? [
        expressionMarks(options.host, template),
        closeBraces,
        autocompletion({
          override: [completeFrom(options.host, template)],
          icons: false,
          // Escape closes the list first; then it is the panel's.
          defaultKeymap: true,
        }),
      ]
    : [];
  return [
    languageName,
    language.of([]),
    readOnly.of([]),
    texts.of([]),
    history(),
    drawSelection(),
    // Tab is left alone: it leads to the next field.
    keymap.of([...completionKeymap, ...historyKeymap, ...EDITING_KEYS]),
    syntaxHighlighting(colours),
    theme,
    options.single ? oneLine : EditorView.lineWrapping,
    options.placeholder ? placeholder(options.placeholder) : [],
    computed,
    EditorView.updateListener.of((update) => {
      if (update.docChanged) options.changed(update.state.doc.toString());
    }),
  ];
}

/** What would make a second line becomes a space. Longer texts of old drafts keep their lines. */
const oneLine: Extension = [
  EditorView.editorAttributes.of({ class: "one-line" }),
  EditorView.lineWrapping,
  EditorState.transactionFilter.of((change) => {
    const grows = change.docChanged && change.newDoc.lines > change.startState.doc.lines;
    return grows && change.isUserEvent("input.type") ? [] : change;
  }),
];

export function languageOf(view: EditorView): string {
  return view.state.field(languageName);
}

/** Another language; its parser is fetched when it is first used. */
export function setLanguage(view: EditorView, name: string): void {
  view.dispatch({ effects: named.of(name) });
  void parserOf(name).then((parser) => {
    if (languageOf(view) === name) view.dispatch({ effects: language.reconfigure(parser) });
  });
}

async function parserOf(name: string): Promise<Extension> {
  switch (name) {
    case "json":
      return (await import("@codemirror/lang-json")).json();
    case "markdown":
      return (await import("@codemirror/lang-markdown")).markdown();
    case "python":
      return [(await import("@codemirror/lang-python")).python(), indentUnit.of("    ")];
    case "sql":
      return (await import("@codemirror/lang-sql")).sql();
    default:
      return [];
  }
}

export function setReadOnly(view: EditorView, value: boolean): void {
  const extension = value ? [EditorState.readOnly.of(true), EditorView.editable.of(false)] : [];
  view.dispatch({ effects: readOnly.reconfigure(extension) });
}

/** Name, help and errors of the textarea, said of the editor: ids do not reach into its root. */
export function setTexts(view: EditorView, textarea: HTMLTextAreaElement): void {
  const attributes: Record<string, string> = { "aria-label": nameOf(textarea) };
  const about = (textarea.getAttribute("aria-describedby") ?? "").split(" ");
  const said = about.map((id) => document.getElementById(id)?.textContent?.trim() ?? "");
  const description = said.filter((text) => text !== "").join(" ");
  if (description) attributes["aria-description"] = description;
  for (const name of ["aria-invalid", "aria-required"]) {
    const value = textarea.getAttribute(name);
    if (value) attributes[name] = value;
  }
  if (view.dom.classList.contains("one-line")) attributes["aria-multiline"] = "false";
  if (textarea.matches(":disabled")) {
    attributes["aria-readonly"] = "true";
    attributes["tabindex"] = "0";
  }
  const extension = EditorView.contentAttributes.of(attributes);
  view.dispatch({ effects: texts.reconfigure(extension) });
}

function nameOf(textarea: HTMLTextAreaElement): string {
  const given = textarea.getAttribute("aria-label");
  if (given) return given;
  const label = textarea.labels?.[0]?.cloneNode(true) as HTMLElement | undefined;
  for (const extra of label?.querySelectorAll(".required, .sr-only") ?? []) extra.remove();
  return label?.textContent?.trim() ?? "Code";
}
