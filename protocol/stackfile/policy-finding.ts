/** What is wrong in an `x-evenkeel`, and what the parts that look for it share. */
import { didYouMean } from './suggest.ts'

export interface PolicyFinding {
  readonly message: string
  /** Below `x-evenkeel`. */
  readonly path: readonly (string | number)[]
  readonly hint?: string | undefined
}

export function unknownKeys(
  map: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: PolicyFinding['path'],
): PolicyFinding[] {
  return Object.keys(map)
    .filter((key) => !known.includes(key))
    .map((key) => ({
      message: `Unknown key "${key}"`,
      path: [...path, key],
      hint: didYouMean(key, known) ?? `There are: ${known.join(', ')}.`,
    }))
}

export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isPort = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535
