/** The difference of two texts as `diff -u` shows it, by Myers' algorithm ("An O(ND) Difference Algorithm", 1986). */

interface Edit {
  readonly kind: ' ' | '-' | '+'
  readonly text: string
  /** Lines of either side before this one. */
  readonly before: number
  readonly after: number
}

/** Texts that differ in more lines than this are shown as one taken for the other: memory grows with the square. */
const EDITS_LIMIT = 1000

/** Hunks with their headings; empty where both are the same. */
export function unifiedDiff(before: readonly string[], after: readonly string[], context: number): string[] {
  const edits = editsOf(before, after)
  const changed = edits.flatMap(({ kind }, index) => (kind === ' ' ? [] : [index]))
  const groups: number[][] = []
  for (const index of changed) {
    const group = groups.at(-1)
    if (group !== undefined && index - group.at(-1)! - 1 <= context * 2) group.push(index)
    else groups.push([index])
  }
  return groups.flatMap((group) => {
    const hunk = edits.slice(Math.max(group[0]! - context, 0), group.at(-1)! + context + 1)
    return [headingOf(hunk), ...hunk.map(({ kind, text }) => `${kind}${text}`)]
  })
}

function headingOf(hunk: readonly Edit[]): string {
  const first = hunk[0]!
  const range = (start: number, skipped: '+' | '-') => {
    const count = hunk.filter(({ kind }) => kind !== skipped).length
    return `${count === 0 ? start : start + 1}${count === 1 ? '' : `,${count}`}`
  }
  return `@@ -${range(first.before, '+')} +${range(first.after, '-')} @@`
}

function editsOf(a: readonly string[], b: readonly string[]): Edit[] {
  const trace = furthestReaches(a, b)
  const edits: Edit[] = []
  let [x, y] = [a.length, b.length]
  const add = (kind: Edit['kind']): void => {
    if (kind !== '+') x -= 1
    if (kind !== '-') y -= 1
    edits.push({ kind, text: kind === '+' ? b[y]! : a[x]!, before: x, after: y })
  }
  if (trace === undefined) {
    while (y > 0) add('+')
    while (x > 0) add('-')
    return edits.reverse()
  }
  for (let depth = trace.length - 1; depth >= 0; depth -= 1) {
    const reach = trace[depth]!
    const k = x - y
    const isDown = k === -depth || (k !== depth && reachOf(reach, k - 1) < reachOf(reach, k + 1))
    const previous = isDown ? k + 1 : k - 1
    const fromX = depth === 0 ? 0 : reachOf(reach, previous)
    const fromY = depth === 0 ? 0 : fromX - previous
    while (x > fromX && y > fromY) add(' ')
    if (depth > 0) add(isDown ? '+' : '-')
  }
  return edits.reverse()
}

const reachOf = (reach: ReadonlyMap<number, number>, diagonal: number): number => reach.get(diagonal) ?? -1

/** For each count of edits, how far each diagonal was reached before its last step. */
function furthestReaches(a: readonly string[], b: readonly string[]): ReadonlyMap<number, number>[] | undefined {
  const reach = new Map<number, number>([[1, 0]])
  const trace: ReadonlyMap<number, number>[] = []
  for (let depth = 0; depth <= Math.min(a.length + b.length, EDITS_LIMIT); depth += 1) {
    trace.push(new Map(reach))
    for (let k = -depth; k <= depth; k += 2) {
      const isDown = k === -depth || (k !== depth && reachOf(reach, k - 1) < reachOf(reach, k + 1))
      let x = isDown ? reachOf(reach, k + 1) : reachOf(reach, k - 1) + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1
      reach.set(k, x)
      if (x >= a.length && x - k >= b.length) return trace
    }
  }
  return undefined
}
