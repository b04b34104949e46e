/** "Did you mean": the nearest known word by edit distance. */

/** Who has more names than this gets no help with a slip among the later ones. */
const MAX_CANDIDATES = 150

/** The candidate that `word` most likely means, or undefined where none is near enough. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = fold(word)
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 4)) + 1
  let compared = 0
  for (const candidate of candidates) {
    compared += 1
    if (compared > MAX_CANDIDATES) break
    const known = fold(candidate)
    const isCut = wanted.length >= 3 && known.startsWith(wanted)
    const distance = isCut ? 1 : editDistance(wanted, known, bestDistance)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `Did you mean "image"?`, or undefined. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const candidate = nearest(word, candidates)
  return candidate === undefined ? undefined : `Did you mean "${candidate}"?`
}

const fold = (word: string): string => word.toLowerCase().replaceAll('-', '_').slice(0, LONGEST)

const LONGEST = 64
/** Rows of the table below, used again by each call: a file with many slips asks for many distances. */
const rows: [beforeLast: Uint8Array, last: Uint8Array, row: Uint8Array] = [
  new Uint8Array(LONGEST + 1),
  new Uint8Array(LONGEST + 1),
  new Uint8Array(LONGEST + 1),
]

/** Insertions, deletions, replacements and swaps of neighbours, of folded words; stops counting at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let [beforeLast, last, row] = rows
  beforeLast.fill(limit)
  for (let j = 0; j <= b.length; j++) last[j] = j
  for (let i = 1; i <= a.length; i++) {
    // Further from the diagonal than the limit nothing can come back below it.
    const from = Math.max(1, i - limit + 1)
    const to = Math.min(b.length, i + limit - 1)
    const letter = a.charCodeAt(i - 1)
    const before = a.charCodeAt(i - 2)
    row.fill(limit)
    row[0] = i
    let least = from === 1 ? i : limit
    for (let j = from; j <= to; j++) {
      const other = b.charCodeAt(j - 1)
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (letter === other ? 0 : 1))
      if (i > 1 && j > 1 && letter === b.charCodeAt(j - 2) && before === other) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1)
      }
      row[j] = cost
      if (cost < least) least = cost
    }
    if (least >= limit) return limit
    ;[beforeLast, last, row] = [last, row, beforeLast]
  }
  return Math.min(last[b.length]!, limit)
}
