import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../../client/cli/commands/index.ts'
import { candidates } from '../../../client/cli/completion/complete.ts'

const asked: string[][] = []
const NAMES = {
  stacks: async () => ['blog', 'shop'],
  services: async (words: readonly string[]) => {
    asked.push([...words])
    return ['db', 'web']
  },
}
const complete = async (...words: string[]) => (await candidates(words, COMMANDS, NAMES)).map(({ text }) => text)

describe('a shell is offered', () => {
  test('commands, with what they do in one line', async () => {
    expect(await complete('un')).toEqual(['unpause'])
    for (const { describe } of await candidates([''], COMMANDS, NAMES)) expect(describe).not.toContain('\n')
  })

  test('commands after flags of every command', async () => {
    expect(await complete('-p', 'shop', '--ansi', 'never', 'sta')).toEqual(['start', 'stats'])
  })

  test('flags of the command and of every command', async () => {
    expect(await complete('kill', '--s')).toEqual(['--signal'])
    expect(await complete('kill', '--pro')).toEqual(
      expect.arrayContaining(['--profile', '--project-name', '--progress']),
    )
    expect(await complete('kill', '--abort')).toEqual([])
  })

  test('stacks where the name of one is wanted', async () => {
    expect(await complete('-p', '')).toEqual(['blog', 'shop'])
    expect(await complete('--project-name=s')).toEqual(['--project-name=shop'])
  })

  test('services of the stack that is meant', async () => {
    expect(await complete('-p', 'shop', 'logs', '-f', 'w')).toEqual(['web'])
    expect(asked.at(-1)).toEqual(['-p', 'shop', 'logs', '-f'])
    expect(await complete('logs', 'db', 'w')).toEqual(['web'])
  })

  test('one service where only one is taken, and then no more', async () => {
    expect(await complete('export', '')).toEqual(['db', 'web'])
    expect(await complete('export', 'db', '')).toEqual([])
  })

  test('services to scale, ready for their number', async () => {
    expect(await complete('scale', 'w')).toEqual(['web='])
    expect(await complete('up', '--scale', '')).toEqual(['db=', 'web='])
  })

  test('the values that a flag takes', async () => {
    expect(await complete('up', '--pull', 'm')).toEqual(['missing'])
    expect(await complete('up', '--pull=m')).toEqual(['--pull=missing'])
    expect(await complete('completion', '')).toEqual(['bash', 'zsh', 'fish'])
  })

  test('nothing where a value is anybody’s', async () => {
    expect(await complete('kill', '-s', '')).toEqual([])
    expect(await complete('logs', '-n', '')).toEqual([])
  })
})
