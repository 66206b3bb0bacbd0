// <flux-code>: a code editor around the server's <textarea>, which stays the field's value.
//
// The editor lives in a shadow root: there its style sheets are adopted ones, which the policy of
// the pages allows, where <style> elements are refused.
import { buildView, languageOf, setLanguage, setReadOnly, setTexts } from "./code-view";
import type { EditorView } from "@codemirror/view";
import { LivePreview } from "./live-preview";
import type { CodeField } from "./parts";

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  :host { display: block; min-width: 0; }
  :host([hidden]) { display: none; }
`);

class FluxCode extends HTMLElement implements CodeField {
  private view: EditorView | null = null;
  private preview: LivePreview | null = null;
  private over: AbortController | null = null;

  connectedCallback(): void {
    // In a field that is not shown there is nothing to measure: `build` is called later.
    if (!this.closest("[hidden]") && this.closest("template") === null) this.build();
  }

  disconnectedCallback(): void {
    // Moved within the page, it is connected again at once.
    queueMicrotask(() => {
      if (!this.isConnected) this.take();
    });
  }

  get textarea(): HTMLTextAreaElement | null {
    return this.querySelector("textarea");
  }

  /** Make the editor, if there is none yet. */
  build(): void {
    const { textarea } = this;
    if (this.view || !textarea) return;
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    const place = document.createElement("div");
    const slot = document.createElement("slot");
    slot.name = "said";
    root.replaceChildren(place, slot);
    this.over = new AbortController();
    const { signal } = this.over;
    this.view = buildView({
      root,
      parent: place,
      host: this,
      text: textarea.value,
      single: this.hasAttribute("single"),
      language: this.getAttribute("language") ?? "expression",
      evaluated: this.hasAttribute("evaluated"),
      placeholder: textarea.placeholder,
      changed: (text) => this.changed(text),
    });
    setReadOnly(this.view, textarea.matches(":disabled"));
    this.say();
    for (const label of textarea.labels ?? []) {
      label.addEventListener("click", () => this.view?.focus(), { signal });
    }
    this.addEventListener("focusin", () => this.preview?.ask(), { signal });
    if (this.hasAttribute("evaluated")) {
      this.preview = new LivePreview(this, () => this.language);
      this.preview.ask();
    }
  }

  override focus(): void {
    this.build();
    this.view?.focus();
  }

  get language(): string {
    return this.view ? languageOf(this.view) : (this.getAttribute("language") ?? "");
  }

  setLanguage(name: string): void {
    this.setAttribute("language", name);
    if (this.view) setLanguage(this.view, name);
    this.preview?.ask();
  }

  /** Show a text that came from elsewhere; the cursor stays where it can. */
  setText(text: string): void {
    const { view } = this;
    if (!view || view.state.doc.toString() === text) return;
    view.dispatch({ changes: difference(view.state.doc.toString(), text) });
  }

  /** Put a text where the cursor is; within an expression without its braces. */
  insert(text: string): void {
    this.build();
    const { view } = this;
    if (!view) return;
    const { from, to } = view.state.selection.main;
    const before = view.state.sliceDoc(0, from);
    const within = before.lastIndexOf("{{") > before.lastIndexOf("}}");
    const written = within ? text.replace(/^\{\{\s*|\s*\}\}$/g, "") : text;
    view.dispatch({
      changes: { from, to, insert: written },
      selection: { anchor: from + written.length },
      userEvent: "input.drop",
    });
  }

  /** Tell readers of the screen what the field is called, and what is wrong with it. */
  say(): void {
    const { view, textarea } = this;
    if (view && textarea) setTexts(view, textarea);
  }

  private changed(text: string): void {
    const { textarea } = this;
    if (!textarea || textarea.value === text) return;
    textarea.value = text;
    textarea.dispatchEvent(new Event("input", { bubbles: true }));
    this.preview?.ask();
  }

  private take(): void {
    this.over?.abort();
    this.preview?.stop();
    this.view?.destroy();
    this.view = null;
    this.preview = null;
  }
}

/** The smallest change that makes one text the other. */
function difference(now: string, wanted: string): { from: number; to: number; insert: string } {
  let from = 0;
  const shortest = Math.min(now.length, wanted.length);
  while (from < shortest && now[from] === wanted[from]) from += 1;
  let end = 0;
  while (end < shortest - from && now.at(-1 - end) === wanted.at(-1 - end)) end += 1;
  return { from, to: now.length - end, insert: wanted.slice(from, wanted.length - end) };
}

customElements.define("flux-code", FluxCode);
