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
    this.#results.get(engine)!.set(testCase.name, expected === undefined ? 'equal' : this.#noted(expected))
  }

  print(cases: readonly Case[]): string {
    const keys = [...new Set(cases.flatMap((testCase) => testCase.keys))].sort()
    const rows = keys.map((key) => {
      const own = cases.filter((testCase) => testCase.keys.includes(key))
      return [key, ...this.#engines.map((engine) => this.#cell(engine, own))]
    })
    const header = ['key', ...this.#engines]
    const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]!.length)))
    const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()
    const notes = this.#reasons.map((reason, index) => `[${index + 1}] ${reason}`)
    return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line), '', ...notes].join('\n')
  }

  #cell(engine: string, cases: readonly Case[]): string {
    const results = cases.map((testCase) => this.#results.get(engine)!.get(testCase.name) ?? 'FAILED')
    return [...new Set(results)].join(', ')
  }

  #noted({ outcome, reason }: Expectation): string {
    if (!this.#reasons.includes(reason)) this.#reasons.push(reason)
    return `${outcome} [${this.#reasons.indexOf(reason) + 1}]`
  }
}
