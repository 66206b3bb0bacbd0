// How well a text answers to what somebody typed: letters in order, better at the starts of words.

const WORD_START = 8;
const IN_A_ROW = 5;
const WHOLE_START = 12;

/**
 * A score that grows with fit; null: something typed is not there. A word's letters may lie apart
 * in the title; in the other words it has to stand as it is.
 */
export function fuzzyScore(typed: string, title: string, others = ""): number | null {
  const wanted = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const [first, rest] = [title.toLowerCase(), others.toLowerCase()];
  let total = 0;
  for (const word of wanted) {
    const score = wordScore(word, first) ?? (rest.includes(word) ? 0 : null);
    if (score === null) return null;
    total += score;
  }
  // Of two that answer alike the shorter one is meant.
  return total - first.length / 100;
}

function wordScore(word: string, text: string): number | null {
  const whole = text.indexOf(word);
  if (whole >= 0) {
    return word.length * IN_A_ROW + (whole === 0 ? WHOLE_START : startsWord(text, whole) ? WORD_START : 0);
  }
  let score = 0;
  let at = -1;
  for (const letter of word) {
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return null;
    if (next === at + 1 && at >= 0) score += IN_A_ROW - 2;
    else if (startsWord(text, next)) score += WORD_START / 2;
    else score -= 1;
    at = next;
  }
  // Letters strewn over a long text are chance.
  return score > 0 ? score : null;
}

function startsWord(text: string, at: number): boolean {
  return at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1] ?? "");
}

/** Those that answer to what was typed, best first; as given where nothing was typed. */
export function fuzzyFilter<T>(
  typed: string,
  entries: readonly T[],
  wordsOf: (entry: T) => readonly [title: string, others: string],
): T[] {
  if (!typed.trim()) return [...entries];
  const scored: { entry: T; score: number }[] = [];
  for (const entry of entries) {
    const score = fuzzyScore(typed, ...wordsOf(entry));
    if (score !== null) scored.push({ entry, score });
  }
  return scored.sort((one, other) => other.score - one.score).map((found) => found.entry);
}
