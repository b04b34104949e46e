import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { BUGS } from './bugs.ts'
import { MUTATIONS } from './mutations.mjs'

const runner = fileURLToPath(new URL('run.mjs', import.meta.url))
const DEADLINE_MS = 15 * 60_000

interface Result {
  readonly runs: number
  readonly failures: readonly {
    readonly failure: number
    readonly rule: string
    readonly message: string
    readonly steps?: readonly string[]
  }[]
}

function simulate(...options: string[]): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [runner, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    child.once('error', reject)
    child.once('close', () => resolve({ stdout, stderr }))
  })
}

async function simulated(...options: string[]): Promise<Result> {
  const { stdout, stderr } = await simulate('--json', ...options)
  const last = stdout.trim().split('\n').at(-1)
  if (last === undefined || last === '') throw new Error(`the simulator said nothing: ${stderr}`)
  return JSON.parse(last) as Result
}

test('2,000 schedules of requests, faults and hands break no rule', { timeout: DEADLINE_MS }, async () => {
  const { runs, failures } = await simulated('--runs', '2000', '--seed', '1')
  expect(failures.map(({ failure, rule, message }) => `seed ${failure}: ${rule}: ${message}`)).toEqual([])
  expect(runs).toBe(2000)
})

test('the same seed tells the same story', { timeout: DEADLINE_MS }, async () => {
  const stories = await Promise.all([simulate('--one', '4711'), simulate('--one', '4711')])
  const [first, second] = stories.map(({ stderr }) => stderr)
  expect(first).toContain('the daemon starts')
  expect(second).toBe(first)
})

describe('a schedule that showed a bug once shows it no more', () => {
  const folder = join(import.meta.dirname, '../fixtures/sim')

  test.each(readdirSync(folder))('%s', { timeout: DEADLINE_MS }, async (file) => {
    const { runs, failures } = await simulated('--schedule', join(folder, file))
    expect(failures.map(({ rule, message }) => `${rule}: ${message}`)).toEqual([])
    expect(runs).toBe(1)
  })
})

describe('bugs planted on purpose are found', () => {
  /** Which rules each of them may break first. */
  const rules: Readonly<Record<string, readonly string[]>> = {
    'rename-skipped': ['as-declared', 'rests'],
    'volume-removed': ['volumes-survive', 'foreign-untouched'],
    'policy-kept': ['stopped-stays-stopped', 'as-declared', 'truthful'],
    // What is to wait until a new replica serves is answered by nobody either.
    'gates-open': ['dependency-order', 'no-stray-error'],
    'request-forgotten': ['as-declared'],
    'remains-forgotten': ['as-declared'],
    'all-is-ours': ['foreign-untouched'],
    // Two loops count one stop by hand twice, and leave it alone.
    'two-writers': ['one-writer', 'prompt'],
    'always-steady': ['truthful', 'stopped-stays-stopped'],
    'restart-skipped': ['as-declared'],
    'lists-believed': ['prompt', 'as-declared', 'requests-are-kept'],
  }

  /** Where the search begins, for what shows in about one schedule of a thousand only: not far from one that does. */
  const seeds: Readonly<Record<string, number>> = { 'policy-kept': 3001 }

  test.each([...Object.keys(BUGS), ...Object.keys(MUTATIONS)])('%s', { timeout: DEADLINE_MS }, async (bug) => {
    const search = ['--seed', String(seeds[bug] ?? 1), '--runs', '4000', '--failures', '1', '--no-shrink']
    const { failures } = await simulated('--bug', bug, ...search)
    expect(rules[bug]).toContain(failures[0]?.rule)
  })

  test('and the schedule that shows one is shrunk to what it takes', { timeout: DEADLINE_MS }, async () => {
    const { failures } = await simulated('--bug', 'rename-skipped', '--runs', '200', '--jobs', '1', '--failures', '1')
    expect(failures[0]?.steps?.length).toBeLessThanOrEqual(3)
  })
})
