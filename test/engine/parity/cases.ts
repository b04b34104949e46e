/**
 * The cases: one file for a key and what stands below it, `services.healthcheck.yaml`; more files for one key are told
 * apart by `--`, `services.restart--on-failure.yaml`. What is not equal stands in the file's `x-parity`, with the reason.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { compareApi } from '../../../daemon/engine/connect.ts'
import { keysOf } from './language-keys.ts'

const expectation = z.strictObject({
  /** It holds for Engines whose API is older than this one. */
  below: z.string().optional(),
  outcome: z.enum(['equal', 'different', 'both refuse', 'only Evenkeel refuses', 'only Compose refuses']),
  /** Where the two documents differ: the beginnings of paths within a container, network or volume. */
  at: z.array(z.string()).optional(),
  /** What our refusal says. */
  says: z.string().optional(),
  /** Needed where it is not equal. */
  reason: z.string().optional(),
})

const extension = z.object({
  'x-parity': z.array(expectation).default([]),
  /** Files to compare within a container that was started. */
  'x-parity-files': z.array(z.string()).default([]),
})

export type Expectation = z.infer<typeof expectation>

export interface Case {
  readonly name: string
  readonly file: string
  /** The keys that it stands for. */
  readonly keys: readonly string[]
  readonly expectations: readonly Expectation[]
  readonly files: readonly string[]
  /** Networks whose addresses the file gives; those of others are the Engine's choice. */
  readonly networksWithPools: ReadonlySet<string>
}

export const CASES_FOLDER = join(import.meta.dirname, 'cases')

export function readCases(): Case[] {
  return readdirSync(CASES_FOLDER)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => readCase(join(CASES_FOLDER, name)))
}

export function expectationFor(testCase: Case, apiVersion: string): Expectation | undefined {
  return testCase.expectations.find(({ below }) => below === undefined || compareApi(apiVersion, below) < 0)
}

function readCase(file: string): Case {
  const text = readFileSync(file, 'utf8')
  const document = parse(text, { merge: true, logLevel: 'error' })
  const name = basename(file, '.yaml')
  const [key = ''] = name.split('--')
  const given = extension.parse(document)
  return {
    name,
    file,
    keys: [...keysOf(document)].filter((used) => used === key || used.startsWith(`${key}.`)).sort(),
    expectations: given['x-parity'],
    files: given['x-parity-files'],
    networksWithPools: new Set(
      Object.entries<{ ipam?: { config?: unknown } } | null>(document.networks ?? {})
        .filter(([, network]) => network?.ipam?.config !== undefined)
        .map(([network]) => network),
    ),
  }
}
