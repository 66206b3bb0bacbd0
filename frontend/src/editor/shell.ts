// Cuts a shell command into words as a POSIX shell does, and as the Windows prompt writes cURL.

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  e: "\x1b",
};

/** The words of the first command; null where a quote is not closed. Nothing is expanded. */
export function shellWords(command: string): string[] | null {
  const text = isWindows(command) ? fromWindows(command) : command;
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < text.length; ) {
    const sign = text[at] as string;
    const rest = text.slice(at);
    const joined = /^\\\r?\n/.exec(rest);
    if (joined) {
      at += joined[0].length;
    } else if (/\s/.test(sign)) {
      if (word !== null) words.push(word);
      word = null;
      if (sign === "\n" && words.length > 0) return words;
      at += 1;
    } else if (word === null && sign === "#") {
      at += /^[^\n]*/.exec(rest)?.[0].length ?? 1;
    } else if (/[;|&<>()]/.test(sign)) {
      // What follows is another command, or where the answer goes.
      return word === null ? words : [...words, word];
    } else {
      const piece = pieceAt(text, at);
      if (!piece) return null;
      word = (word ?? "") + piece.text;
      at = piece.end;
    }
  }
  return word === null ? words : [...words, word];
}

interface Piece {
  readonly text: string;
  readonly end: number;
}

/** A quoted text, an escaped sign, or signs that mean themselves. */
function pieceAt(text: string, at: number): Piece | null {
  const sign = text[at];
  if (sign === "'") {
    const end = text.indexOf("'", at + 1);
    return end < 0 ? null : { text: text.slice(at + 1, end), end: end + 1 };
  }
  if (sign === '"') return doubleQuoted(text, at + 1);
  if (sign === "$" && text[at + 1] === "'") return ansiQuoted(text, at + 2);
  if (sign === "\\") return { text: text[at + 1] ?? "", end: at + 2 };
  const plain = /^[^\s'"\\$;|&<>()]+|^\$/.exec(text.slice(at, at + 10_000));
  const signs = plain?.[0] ?? (sign as string);
  return { text: signs, end: at + signs.length };
}

function doubleQuoted(text: string, start: number): Piece | null {
  let result = "";
  for (let at = start; at < text.length; at += 1) {
    const sign = text[at] as string;
    if (sign === '"') return { text: result, end: at + 1 };
    const next = text[at + 1];
    if (sign === "\\" && next !== undefined && '"\\$`\n'.includes(next)) {
      if (next !== "\n") result += next;
      at += 1;
    } else {
      result += sign;
    }
  }
  return null;
}

/** $'…' of bash, as browsers copy what has quotes or other signs in it. */
function ansiQuoted(text: string, start: number): Piece | null {
  let result = "";
  for (let at = start; at < text.length; ) {
    const sign = text[at] as string;
    if (sign === "'") return { text: result, end: at + 1 };
    if (sign !== "\\") {
      result += sign;
      at += 1;
      continue;
    }
    const code = /^(?:u([0-9a-f]{1,4})|U([0-9a-f]{1,6})|x([0-9a-f]{1,2}))/i.exec(
      text.slice(at + 1, at + 9),
    );
    if (code) {
      const point = parseInt(code[1] ?? code[2] ?? code[3] ?? "0", 16);
      result += point > 0x10ffff ? "\ufffd" : String.fromCodePoint(point);
      at += 1 + code[0].length;
    } else {
      const next = text[at + 1] ?? "";
      result += ESCAPES[next] ?? next;
      at += 2;
    }
  }
  return null;
}

/** Chrome's "copy as cURL (cmd)" ends lines with ^ and writes ^" around words. */
function isWindows(command: string): boolean {
  return /\^\s*\r?\n/.test(command) || command.includes('^"');
}

function fromWindows(command: string): string {
  const plain = command.replace(/\^\r?\n/g, " ").replace(/\^([\s\S])/g, "$1");
  // In quotes a quote is doubled or escaped.
  return plain.replace(/""/g, (pair, at: number) => (/\S/.test(plain[at - 1] ?? " ") ? '\\"' : pair));
}
