/** The keys with their results, one column for each Engine, and the reasons below. */
import type { Case, Expectation } from './cases.ts'

export class ResultTable {
  readonly #engines: string[] = []
  /** By Engine, by case. */
  readonly #results = new Map<string, Map<string, string>>()
  readonly #reasons: string[] = []

  addEngine(engine: string): void {
    this.#engines.push(engine)
    this.#results.set(engine, new Map())
  }

  passed(engine: string, testCase: Case, expected: Expectation | undefined): void {
    this.#results
      .get(engine)!
      .set(testCase.name, expected?.reason === undefined ? 'equal' : this.#noted(expected.outcome, expected.reason))
  }

  print(cases: readonly Case[]): string {
    const keys = [...new Set(cases.flatMap((testCase) => testCase.keys))].sort()
    const rows = keys.map((key) => {
      const own = cases.filter((testCase) => testCase.keys.includes(key))
      return [key, ...this.#engines.map((engine) => this.#cell(engine, own))]
    })
    const header = ['key', ...this.#engines]
    const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]!.length)))
    const line = (row: readonly string[]) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd()
    const notes = this.#reasons.map((reason, index) => `[${index + 1}] ${reason}`)
    const rule = line(widths.map((width) => '-'.repeat(width)))
    return [line(header), rule, ...rows.map(line), '', ...this.#sums(rows), '', ...notes].join('\n')
  }

  /** A key counts where its worst result stands. */
  #sums(rows: readonly (readonly string[])[]): string[] {
    return this.#engines.map((engine, column) => {
      const cells = rows.map((row) => row[column + 1]!)
      const failed = cells.filter((cell) => cell.includes('FAILED')).length
      const equal = cells.filter((cell) => cell === 'equal').length
      const differing = cells.filter((cell) => !cell.includes('FAILED') && /different|only/.test(cell)).length
      const refused = cells.length - failed - equal - differing
      return `${engine}: ${cells.length} keys, ${equal} equal, ${refused} where both refuse something, ${differing} where we differ, ${failed} failed`
    })
  }

  #cell(engine: string, cases: readonly Case[]): string {
    const results = cases.map((testCase) => this.#results.get(engine)!.get(testCase.name) ?? 'FAILED')
    return [...new Set(results)].join(', ')
  }

  #noted(outcome: string, reason: string): string {
    if (!this.#reasons.includes(reason)) this.#reasons.push(reason)
    return `${outcome} [${this.#reasons.indexOf(reason) + 1}]`
  }
}
