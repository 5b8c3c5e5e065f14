import { distance } from 'fastest-levenshtein';

/** The word that was probably meant: a few letters away, whatever the case and the hyphens. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > 100) return undefined;
  const plain = (text: string) => text.toLowerCase().replace(/[-_\s]/g, '');
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const away = distance(plain(word), plain(candidate));
    const most = Math.min(4, Math.floor(Math.max(word.length, candidate.length) / 2));
    if (away > most) continue;
    // Of equals, the one that begins alike: people misspell ends.
    if (away < bestDistance || (away === bestDistance && alike(word, candidate) > alike(word, best ?? ''))) {
      best = candidate;
      bestDistance = away;
    }
  }
  return best;
}

/** How many letters two words have in common at their start. */
function alike(word: string, other: string): number {
  let length = 0;
  while (length < word.length && word[length] === other[length]) length++;
  return length;
}
