import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asProblem, CONCURRENCY, execute, type StepChange } from '../../../daemon/reconcile/executor.ts'
import type { Action, ActionBody } from '../../../daemon/stack/actions.ts'
import { Problem } from '../../../protocol/problems.ts'
import { settled } from '../support/settled.ts'

const PULL: ActionBody = { kind: 'pull-image', reference: 'web:1', platform: undefined, fallback: undefined }
const WAIT: ActionBody = { kind: 'await-service', service: 'web', until: 'ready', required: true }

const anAction = (id: string, after: readonly string[] = [], parts: Partial<Action> = {}): Action => ({
  id,
  body: PULL,
  object: id,
  service: undefined,
  effect: 'create',
  reason: 'it is a test',
  after,
  tolerates: [],
  ...parts,
})

/** Actions begin, and end when the test says so. */
class Stage {
  readonly changes: string[] = []
  readonly abort = new AbortController()
  readonly #open = new Map<string, { resolve: () => void; reject: (error: unknown) => void }>()

  run(actions: readonly Action[], concurrency = 8) {
    return execute({
      actions,
      concurrency,
      signal: this.abort.signal,
      perform: (action) => new Promise((resolve, reject) => this.#open.set(action.id, { resolve, reject })),
      onChange: (action, change) => this.changes.push(`${action.id} ${wordsOf(change)}`),
    })
  }

  get open(): string[] {
    return [...this.#open.keys()]
  }

  async end(id: string): Promise<void> {
    this.#open.get(id)!.resolve()
    this.#open.delete(id)
    await settled()
  }

  async fail(id: string, error: unknown = new Problem('engine-error', `${id} went wrong`)): Promise<void> {
    this.#open.get(id)!.reject(error)
    this.#open.delete(id)
    await settled()
  }
}

const wordsOf = (change: StepChange): string =>
  change.state === 'skipped' ? `skipped: ${change.because}` : change.state

describe('the executor', () => {
  test('is done at once with an empty plan', async () => {
    expect(await new Stage().run([])).toEqual({ failures: [], skipped: 0 })
  })

  test('begins side by side what waits for nothing', async () => {
    const stage = new Stage()
    void stage.run([anAction('a'), anAction('b')])
    await settled()
    expect(stage.open).toEqual(['a', 'b'])
  })

  test('begins an action when all that it waits for is done', async () => {
    const stage = new Stage()
    void stage.run([anAction('a'), anAction('b'), anAction('c', ['a', 'b'])])
    await settled()
    await stage.end('a')
    expect(stage.open).toEqual(['b'])
    await stage.end('b')
    expect(stage.open).toEqual(['c'])
  })

  test('has no more under way than its bound', async () => {
    const stage = new Stage()
    void stage.run(
      ['a', 'b', 'c', 'd'].map((id) => anAction(id)),
      2,
    )
    await settled()
    expect(stage.open).toEqual(['a', 'b'])
    await stage.end('a')
    expect(stage.open).toEqual(['b', 'c'])
  })

  test('has a bound of eight by itself', async () => {
    const stage = new Stage()
    void stage.run(
      Array.from({ length: 20 }, (_, index) => anAction(String(index))),
      CONCURRENCY,
    )
    await settled()
    expect(stage.open).toHaveLength(8)
  })

  test('lets waits take no place of the bound', async () => {
    const stage = new Stage()
    void stage.run([anAction('wait', [], { body: WAIT }), anAction('a')], 1)
    await settled()
    expect(stage.open).toEqual(['wait', 'a'])
  })

  test('tells each step as it begins and as it ends', async () => {
    const stage = new Stage()
    const run = stage.run([anAction('a'), anAction('b', ['a'])])
    await settled()
    await stage.end('a')
    await stage.end('b')
    await run
    expect(stage.changes).toEqual(['a running', 'a done', 'b running', 'b done'])
  })
})

describe('a failure', () => {
  test('skips what follows it, however far', async () => {
    const stage = new Stage()
    const run = stage.run([anAction('a'), anAction('b', ['a']), anAction('c', ['b'])])
    await settled()
    await stage.fail('a')
    expect((await run).skipped).toBe(2)
    expect(stage.changes).toEqual(['a running', 'a failed', 'b skipped: a failed', 'c skipped: b failed'])
  })

  test('lets the rest go on', async () => {
    const stage = new Stage()
    const run = stage.run([anAction('a'), anAction('b'), anAction('c', ['b'])])
    await settled()
    await stage.fail('a')
    await stage.end('b')
    await stage.end('c')
    expect(await run).toMatchObject({ skipped: 0, failures: [{ action: { id: 'a' } }] })
  })

  test('that is tolerated does not skip', async () => {
    const stage = new Stage()
    void stage.run([anAction('a'), anAction('b', ['a'], { tolerates: ['a'] })])
    await settled()
    await stage.fail('a')
    expect(stage.open).toEqual(['b'])
  })

  test('that is tolerated is waited for all the same', async () => {
    const stage = new Stage()
    void stage.run([anAction('a'), anAction('b', ['a'], { tolerates: ['a'] })])
    await settled()
    expect(stage.open).toEqual(['a'])
  })

  test('is answered as the problem it was', async () => {
    const stage = new Stage()
    const problem = new Problem('port-taken', 'port 80 is taken')
    const run = stage.run([anAction('a')])
    await settled()
    await stage.fail('a', problem)
    expect((await run).failures[0]?.error).toBe(problem)
  })

  test('of unknown kind becomes an internal problem with its words and its cause', () => {
    const cause = new TypeError('undefined is no function')
    expect(asProblem(cause)).toMatchObject({ code: 'internal', message: 'undefined is no function', cause })
    expect(asProblem('words')).toMatchObject({ code: 'internal', message: 'words' })
  })
})

describe('an end from outside', () => {
  test('skips what has not begun', async () => {
    const stage = new Stage()
    const run = stage.run([anAction('a'), anAction('b', ['a'])])
    await settled()
    stage.abort.abort()
    await stage.end('a')
    expect(await run).toEqual({ failures: [], skipped: 1 })
    expect(stage.changes.at(-1)).toBe('b skipped: the run was ended')
  })

  test('waits for what is under way', async () => {
    const stage = new Stage()
    let isOver = false
    const run = stage.run([anAction('a')]).then(() => {
      isOver = true
    })
    await settled()
    stage.abort.abort()
    await settled()
    expect(isOver).toBe(false)
    await stage.end('a')
    await run
  })

  test('begins nothing where it came before', async () => {
    const stage = new Stage()
    stage.abort.abort()
    expect(await stage.run([anAction('a')])).toEqual({ failures: [], skipped: 1 })
    expect(stage.open).toEqual([])
  })
})

test('for any plan: the bound is kept, nothing begins before its time, and everything is accounted for', async () => {
  const aPlan = fc
    .array(fc.record({ after: fc.array(fc.nat(), { maxLength: 3 }), fails: fc.boolean(), waits: fc.boolean() }), {
      maxLength: 25,
    })
    .map((draws) =>
      draws.map((draw, index) => ({
        fails: draw.fails,
        action: anAction(
          String(index),
          index === 0 ? [] : [...new Set(draw.after.map((at) => String(at % index)))],
          draw.waits ? { body: WAIT } : {},
        ),
      })),
    )
  await fc.assert(
    fc.asyncProperty(aPlan, fc.integer({ min: 1, max: 4 }), fc.scheduler(), async (plan, concurrency, scheduler) => {
      const ended = new Map<string, string>()
      let slots = 0
      const run = execute({
        actions: plan.map(({ action }) => action),
        concurrency,
        signal: new AbortController().signal,
        perform: async (action) => {
          const takesSlot = action.body.kind !== 'await-service'
          if (takesSlot) slots += 1
          expect(slots).toBeLessThanOrEqual(concurrency)
          expect(action.after.every((id) => ended.get(id) === 'done')).toBe(true)
          await scheduler.schedule(Promise.resolve())
          if (takesSlot) slots -= 1
          if (plan[Number(action.id)]!.fails) throw new Problem('engine-error', action.id)
        },
        onChange: (action, change) => {
          if (change.state !== 'running') ended.set(action.id, change.state)
        },
      })
      await scheduler.waitFor(run)
      const outcome = await run
      const count = (state: string) => [...ended.values()].filter((other) => other === state).length
      expect(ended.size).toBe(plan.length)
      expect(outcome).toMatchObject({ skipped: count('skipped') })
      expect(outcome.failures).toHaveLength(count('failed'))
    }),
    { numRuns: 100 },
  )
})
