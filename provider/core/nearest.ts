/** The known word with the fewest changed letters, and how many those are; capital letters count as small ones. */
export function nearest(word: string, known: readonly string[]): { word: string; distance: number } {
  const distances = known.map((other) => ({
    word: other,
    distance: editDistance(word.toLowerCase(), other.toLowerCase()),
  }));
  return distances.reduce((best, next) => (next.distance < best.distance ? next : best), {
    word: "",
    distance: Infinity,
  });
}

/** For the end of what is said of an unknown word: ` (did you mean "…"?)`; empty unless of each four letters one may be wrong. */
export function didYouMean(word: string, known: readonly string[]): string {
  const best = nearest(word, known);
  return best.distance <= Math.ceil(word.length / 4) ? ` (did you mean ${JSON.stringify(best.word)}?)` : "";
}

/** Levenshtein's distance, one row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const changed = (row[j] ?? 0) + (letter === to[j] ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
