import { describe, expect, test } from 'vitest'
import { attached, attachedServices } from '../../../client/cli/attached-services.ts'
import { aModel } from '../support/core.ts'
import { problemOf } from '../support/problems.ts'

const after = (...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, { condition: 'service_started' as const, required: true }]))
const model = aModel({
  web: { depends_on: after('api') },
  api: { depends_on: after('db') },
  db: {},
  quiet: { attach: false },
})
const chosen = (values: Parameters<typeof attachedServices>[1], ...named: string[]) =>
  attachedServices(model, values, named).sort()

describe('an up that follows', () => {
  test.each([
    ['all but those that say otherwise', {}, [], ['api', 'db', 'web']],
    ['those that are named', {}, ['web'], ['web']],
    ['what they depend on, where that is asked for', { 'attach-dependencies': true }, ['web'], ['api', 'db', 'web']],
    ['what is chosen, whatever the file says', { attach: ['quiet', 'db'] }, [], ['db', 'quiet']],
    ['none that is left out', { 'no-attach': ['db', 'api'] }, [], ['web']],
  ])('shows %s', (_, values, named, services) => {
    expect(chosen(values, ...named)).toEqual(services)
  })

  test('shows nothing where all are left out', () => {
    const { services, isWanted } = attached(model, { 'no-attach': ['web'] }, ['web'])
    expect([services, isWanted?.('a line')]).toEqual([[], false])
  })

  test('refuses what does not go together or is not there', () => {
    expect(problemOf(() => chosen({ attach: ['db'], 'attach-dependencies': true })).message).toBe(
      'cannot combine --attach and --attach-dependencies',
    )
    expect(problemOf(() => chosen({ attach: ['nobody'] })).message).toContain('not included in up: nobody')
  })
})
