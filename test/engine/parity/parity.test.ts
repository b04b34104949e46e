/**
 * Each case is made once by `docker compose create` and once by us, on the same Engine; what `inspect` then says of
 * containers, networks and volumes must be equal. What snapshot.ts drops or reorders is all that is left out.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { engineAddress } from '../../../daemon/engine/address.ts'
import { connectEngine } from '../../../daemon/engine/connect.ts'
import type { Engine } from '../../../daemon/engine/types.ts'
import { testEngines } from '../../contract/support/test-engines.ts'
import { ensureImages } from '../../lab/images.mjs'
import { type Case, type Expectation, expectationFor, readCases } from './cases.ts'
import { composeCreate } from './compose-side.ts'
import { composeVersion } from './compose-version.ts'
import { type Difference, differences } from './difference.ts'
import { Ground, PARITY_VARIABLES } from './ground.ts'
import { allKeys } from './language-keys.ts'
import { ourCreate } from './our-side.ts'
import { snapshot } from './snapshot.ts'
import { ResultTable } from './table.ts'

const compose = composeVersion()
/** Part of a case's name: to try a few. */
const only = process.env.EVENKEEL_PARITY_ONLY
const cases = readCases().filter((testCase) => only === undefined || testCase.name.includes(only))
const table = new ResultTable()

Object.assign(process.env, PARITY_VARIABLES)
vi.setConfig({ maxConcurrency: 8 })

if (compose === undefined) {
  describe.skip('parity with Docker Compose: skipped, the plugin `docker compose` is not installed', () => {
    it('makes the same containers', () => {})
  })
} else {
  describe(`parity with Docker Compose ${compose}`, () => {
    it.skipIf(only !== undefined)('has a case for every key of the language', () => {
      const covered = new Set(cases.flatMap((testCase) => testCase.keys))
      expect([...allKeys()].filter((key) => !covered.has(key))).toEqual([])
      expect(cases.filter(({ keys }) => keys.length === 0).map(({ name }) => name)).toEqual([])
    })

    for (const url of testEngines()) onEngine(url)

    afterAll(() => {
      process.stdout.write(`\nParity with Docker Compose ${compose}\n\n${table.print(cases)}\n`)
    })
  })
}

function onEngine(url: string): void {
  describe(`on the Engine at ${url}`, () => {
    const engine = connectEngine(engineAddress(url, process.env))
    const ground = new Ground(engine, url)
    let column = ''
    let apiVersion = ''

    beforeAll(async () => {
      const version = await engine.version()
      apiVersion = version.negotiated
      column = `Engine ${version.version}`
      table.addEngine(column)
      await ensureImages(url)
      await ground.removeAll()
      await ground.prepare()
    })

    afterAll(async () => {
      await ground.removeAll()
      await engine.close()
    })

    for (const [index, testCase] of cases.entries()) {
      it.concurrent(testCase.name, async () => {
        const expected = expectationFor(testCase, apiVersion)
        const base = `${ground.prefix}-${index}`
        const theirs = await made(engine, ground, testCase, `${base}c`, (environment) =>
          composeCreate(testCase, `${base}c`, environment),
        )
        const ours = await made(engine, ground, testCase, `${base}e`, (environment) =>
          ourCreate(engine, testCase, `${base}e`, environment),
        )
        judge(theirs, ours, expected)
        table.passed(column, testCase, expected)
      })
    }
  })
}

type Made = { readonly document: unknown } | { readonly refused: string }

/** One after the other, for the two would take each other's addresses; removed at once, whatever happens. */
async function made(
  engine: Engine,
  ground: Ground,
  testCase: Case,
  project: string,
  create: (environment: Record<string, string>) => Promise<string | undefined>,
): Promise<Made> {
  try {
    const refused = await create(ground.environmentFor(project))
    return refused === undefined ? { document: await snapshot(engine, testCase, project) } : { refused }
  } finally {
    await ground.removeProject(project)
  }
}

function judge(theirs: Made, ours: Made, expected: Expectation | undefined): void {
  const refusals = {
    ...('refused' in theirs ? { Compose: theirs.refused } : {}),
    ...('refused' in ours ? { Evenkeel: ours.refused } : {}),
  }
  const different = 'document' in theirs && 'document' in ours ? differences(theirs.document, ours.document) : []
  const outcome =
    'refused' in theirs
      ? 'refused' in ours
        ? 'both refuse'
        : 'only Compose refuses'
      : 'refused' in ours
        ? 'only Evenkeel refuses'
        : different.length > 0
          ? 'different'
          : 'equal'
  const found = { outcome, refusals, differences: different.map(({ text }) => text) }
  expect(outcome, JSON.stringify(found, null, 2)).toBe(expected?.outcome ?? 'equal')
  if (expected?.says !== undefined) expect(refusals.Evenkeel).toContain(expected.says)
  if (outcome === 'different') {
    const at = expected?.at ?? []
    expect(unexpected(different, at), JSON.stringify(found, null, 2)).toEqual([])
    expect(
      at.filter((place) => !different.some((difference) => difference.at.startsWith(place))),
      'places that are equal by now',
    ).toEqual([])
  }
}

const unexpected = (found: readonly Difference[], at: readonly string[]): string[] =>
  found.filter((difference) => !at.some((place) => difference.at.startsWith(place))).map(({ text }) => text)
