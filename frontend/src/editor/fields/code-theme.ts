// How code fields look: the colours of the pages' tokens, which reach into shadow roots.
import { EditorView } from "@codemirror/view";

const mono = "var(--font-mono, monospace)";

export const theme = EditorView.theme({
  "&": {
    minHeight: "2.25rem",
    border: "1px solid var(--input)",
    borderRadius: "0.5rem",
    background: "var(--card)",
    color: "var(--foreground)",
    fontSize: "0.8125rem",
  },
  "&:not(.one-line)": { minHeight: "5rem" },
  "&.cm-focused": { outline: "2px solid var(--ring)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: mono, lineHeight: "1.25rem", maxHeight: "22rem", overflow: "auto" },
  "&.one-line .cm-scroller": { maxHeight: "7.5rem" },
  ".cm-content": { padding: "0.4375rem 0", caretColor: "var(--foreground)" },
  ".cm-line": { padding: "0 0.625rem" },
  ".cm-cursor": { borderLeftColor: "var(--foreground)" },
  ".cm-placeholder": { color: "var(--muted-foreground)" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground":
    { background: "color-mix(in oklab, var(--ring) 30%, transparent)" },
  ".x-brace, .x-sign": { color: "var(--muted-foreground)" },
  ".x-path": { color: "var(--category-tool)" },
  ".x-word": { color: "var(--category-ai)" },
  ".x-filter": { color: "var(--category-data)" },
  ".x-string": { color: "var(--category-output)" },
  ".x-number": { color: "var(--category-trigger)" },
  ".x-unknown": {
    color: "var(--state-failed)",
    textDecoration: "underline wavy var(--state-failed) 1px",
    textUnderlineOffset: "3px",
  },
  ".cm-tooltip": {
    border: "1px solid var(--border)",
    borderRadius: "0.5rem",
    background: "var(--popover)",
    color: "var(--popover-foreground)",
    boxShadow: "0 8px 24px var(--shadow-tint)",
    overflow: "hidden",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": {
    fontFamily: mono,
    fontSize: "0.75rem",
    maxHeight: "16rem",
    maxWidth: "min(32rem, 92vw)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.1875rem 0.625rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
    background: "var(--accent)",
    color: "var(--accent-foreground)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > completion-section": {
    padding: "0.375rem 0.625rem 0.125rem",
    border: "0",
    color: "var(--muted-foreground)",
    fontFamily: "var(--font-sans)",
    fontWeight: "600",
    opacity: "1",
  },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": {
    marginLeft: "0.75rem",
    color: "var(--muted-foreground)",
    fontStyle: "normal",
  },
  ".cm-tooltip.cm-completionInfo": {
    padding: "0.5rem 0.625rem",
    maxWidth: "18rem",
    fontSize: "0.75rem",
    overflowWrap: "anywhere",
  },
});
