// Reads the expressions of a text as it is typed: enough to colour them and to know their names.
// What they give is the server's to say.

export type TokenKind = "brace" | "path" | "word" | "filter" | "string" | "number" | "sign";

export interface Token {
  readonly kind: TokenKind;
  readonly from: number;
  readonly to: number;
  /** Of a path: its constant steps, `ask.json.score`. */
  readonly path?: readonly string[];
}

const WORDS = new Set(
  "and or not in is if else elif endif for endfor true false null none True False None loop".split(
    " ",
  ),
);
const PIECE =
  /(?<string>"(?:[^"\\]|\\[^])*"?|'(?:[^'\\]|\\[^])*'?)|(?<number>\d+(?:\.\d+)?)|(?<name>[A-Za-z_]\w*)|(?<sign>\|\||[-+*/%|<>=!~(),:.[\]{}]+?)/y;
const OPEN = /\{\{|\{%|\{#/g;

/** The tokens of all expressions in a text, of its `{% … %}` too where it is a template. */
export function tokens(text: string, template = false): Token[] {
  const found: Token[] = [];
  OPEN.lastIndex = 0;
  for (let open = OPEN.exec(text); open; open = OPEN.exec(text)) {
    const kind = open[0];
    if (kind !== "{{" && !template) continue;
    const close = { "{{": "}}", "{%": "%}", "{#": "#}" }[kind] as string;
    found.push({ kind: "brace", from: open.index, to: open.index + 2 });
    const end = kind === "{#" ? text.indexOf(close, open.index) : code(text, open.index + 2, close, found);
    if (end < 0) break;
    found.push({ kind: "brace", from: end, to: end + 2 });
    OPEN.lastIndex = end + 2;
  }
  return found;
}

/** Read the code from `at` on; where `close` stands, or -1 where it is missing. */
function code(text: string, at: number, close: string, found: Token[]): number {
  let before = "";
  while (at < text.length) {
    if (text.startsWith(close, at)) return at;
    PIECE.lastIndex = at;
    const piece = PIECE.exec(text);
    if (!piece) {
      at += 1;
      continue;
    }
    const { string, number, name, sign } = piece.groups ?? {};
    const to = at + piece[0].length;
    if (string !== undefined) found.push({ kind: "string", from: at, to });
    else if (number !== undefined) found.push({ kind: "number", from: at, to });
    else if (sign !== undefined) found.push({ kind: "sign", from: at, to });
    else if (name !== undefined) at = word(text, at, name, before, found);
    before = piece[0];
    if (name === undefined) at = to;
  }
  return -1;
}

/** One name and the path behind it; where it ends. */
function word(text: string, at: number, name: string, before: string, found: Token[]): number {
  const end = at + name.length;
  if (before === "|") {
    found.push({ kind: "filter", from: at, to: end });
    return end;
  }
  // A key of an argument, `sort(by="x")`, is no name.
  if (WORDS.has(name) || (before !== "" && /^\s*=(?!=)/.test(text.slice(end, end + 9)))) {
    found.push({ kind: "word", from: at, to: end });
    return end;
  }
  const rest = /^(?:\s*\.\s*[A-Za-z_]\w*|\[\s*(?:"[^"\n]*"|'[^'\n]*'|\d+)\s*\])*/.exec(text.slice(end));
  const steps = rest?.[0] ?? "";
  const path = [name, ...[...steps.matchAll(/\w[^\].'"]*/g)].map((step) => step[0].trim())];
  found.push({ kind: "path", from: at, to: end + steps.length, path });
  return end + steps.length;
}

/** The names that `{% for %}` and `{% set %}` of a template make. */
export function ownNames(text: string): Set<string> {
  const names = new Set<string>();
  for (const made of text.matchAll(/\{%-?\s*for\s+([\w\s,]+?)\s+in\b/g)) {
    for (const name of (made[1] ?? "").split(",")) names.add(name.trim());
  }
  return names;
}

/** Whether a position is within an expression, and what of it stands before. */
export function codeBefore(text: string, at: number, template: boolean): string | null {
  const start = Math.max(text.lastIndexOf("{{", at - 1), template ? text.lastIndexOf("{%", at - 1) : -1);
  if (start < 0) return null;
  const code = text.slice(start + 2, at);
  return code.includes("}}") || code.includes("%}") ? null : code;
}
