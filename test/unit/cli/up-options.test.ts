import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../../client/cli/commands/index.ts'
import { parseCommandLine } from '../../../client/cli/parse.ts'
import { scaleOf, upOptionsOf } from '../../../client/cli/up-options.ts'
import { UpOptions } from '../../../protocol/resources/stack.ts'
import { problemOf } from '../support/problems.ts'

function optionsOf(...argv: string[]) {
  const { values, words } = parseCommandLine(['up', ...argv], COMMANDS)
  return upOptionsOf(values as never, words)
}

describe('the flags of up become its options', () => {
  test('without any they are the defaults of the API', () => {
    expect(UpOptions.parse(optionsOf())).toEqual(UpOptions.parse({}))
  })

  test.each([
    [['web', 'db'], { services: ['web', 'db'] }],
    [['--no-deps'], { dependencies: 'ignore' }],
    [['--force-recreate'], { recreate: 'force' }],
    [['--always-recreate-deps'], { recreate: 'force-all' }],
    [['--force-recreate', '--always-recreate-deps'], { recreate: 'force-all' }],
    [['--no-recreate'], { recreate: 'never' }],
    [['--no-start'], { start: 'create-only' }],
    [['--build'], { build: 'always' }],
    [['--no-build'], { build: 'never' }],
    [['--pull', 'never'], { pull: 'never' }],
    [['--scale', 'web=3', '--scale', 'db=0'], { scale: { web: 3, db: 0 } }],
    [['--remove-orphans'], { orphans: 'remove' }],
    [['-V'], { anonymousVolumes: 'renew' }],
    [['-t', '0'], { timeoutSeconds: 0 }],
  ])('%o', (argv, options) => {
    expect(UpOptions.parse(optionsOf(...argv))).toEqual(UpOptions.parse(options))
  })

  test.each([
    ['--build', '--no-build'],
    ['--force-recreate', '--no-recreate'],
    ['--always-recreate-deps', '--no-recreate'],
  ])('%s and %s are incompatible', (a, b) => {
    expect(problemOf(() => optionsOf(a, b))).toMatchObject({
      code: 'bad-request',
      message: `${a} and ${b} are incompatible`,
    })
  })
})

test.each(['web', 'web=', '=2', 'web=two', 'web=-1', 'web=1.5'])('a scale of "%s" is refused', (word) => {
  expect(problemOf(() => scaleOf([word])).hint).toBe('write SERVICE=NUM, such as web=3')
})
