/**
 * Did you mean …? The known name that a mistyped one is closest to.
 *
 * @module
 */

/** The one of `names` that `word` is nearest to, if fewer than half of its characters have to change. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  let best: string | undefined, least = word.length / 2;
  for (const name of names) {
    if (Math.abs(word.length - name.length) >= least) continue; // at least as many edits: a word may be very long
    const edits = editDistance(word, name);
    if (edits < least) [best, least] = [name, edits];
  }
  return best;
}

/** `nearest` as a line to end an error with; empty where there is none. */
export function didYouMean(word: string, names: readonly string[]): string {
  const near = nearest(word, names);
  return near === undefined ? "" : `\n(Did you mean ${near}?)`;
}

/** How many characters have to be inserted, removed or replaced to make `b` of `a` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(row[j] + Number(a[i] !== b[j]), row[j + 1] + 1, next[j] + 1));
    }
    row = next;
  }
  return row[b.length];
}
