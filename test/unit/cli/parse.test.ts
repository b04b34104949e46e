import { describe, expect, test } from 'vitest'
import { COMMANDS, GROUPS } from '../../../client/cli/commands/index.ts'
import { parseCommandLine } from '../../../client/cli/parse.ts'

const parse = (...argv: string[]) => parseCommandLine(argv, COMMANDS)

describe('a command line', () => {
  test('names a command, its options and its words', () => {
    const parsed = parse('up', '--wait', '-t', '5', 'web', 'db')
    expect(parsed.command?.name).toBe('up')
    expect(parsed.values).toMatchObject({ wait: true, timeout: 5 })
    expect(parsed.words).toEqual(['web', 'db'])
    expect(parsed.error).toBeUndefined()
  })

  test('may name a command by another name of it', () => {
    expect(parse('convert').command?.name).toBe('config')
  })

  test('without a command is one for help', () => {
    expect(parse()).toMatchObject({ command: undefined, help: false })
    expect(parse('--help')).toMatchObject({ command: undefined, help: true })
  })

  test('with a word that is no command says which', () => {
    expect(parse('-p', 'shop', 'pu')).toMatchObject({ command: undefined, unknown: 'pu' })
  })

  test('may ask for help of a command', () => {
    expect(parse('up', '--help')).toMatchObject({ help: true })
    expect(parse('up', '-h').help).toBe(true)
  })

  test('may ask for the version', () => {
    expect(parse('--version').version).toBe(true)
    expect(parse('-v').version).toBe(true)
  })
})

describe('a command of two words', () => {
  test('is found, with its own options and words', () => {
    const parsed = parse('-p', 'shop', 'volume', 'export', 'shop_data', '-o', 'x.tar')
    expect(parsed).toMatchObject({ values: { output: 'x.tar' }, words: ['shop_data'] })
    expect(parsed.error).toBeUndefined()
    expect(parsed.command?.name).toBe('volume export')
  })

  test('may go by another name of it', () => {
    expect(parse('volume', 'remove', 'x').command?.name).toBe('volume rm')
  })

  test('that lacks its second word is one for help of its group', () => {
    for (const argv of [['volume'], ['volume', '--help']]) {
      const parsed = parse(...argv)
      expect(parsed).toMatchObject({ command: undefined, group: 'volume' })
      expect(parsed.unknown).toBeUndefined()
    }
  })

  test('whose second word is wrong is unknown as a whole', () => {
    expect(parse('volume', 'burn')).toMatchObject({ command: undefined, unknown: 'volume burn', group: 'volume' })
  })

  test('belongs to a group that has a line in help', () => {
    const words = COMMANDS.filter(({ name }) => name.includes(' ')).map(({ name }) => name.split(' ')[0]!)
    expect([...new Set(words)].sort()).toEqual(Object.keys(GROUPS).sort())
  })
})

describe('options of every command', () => {
  test('may stand before it', () => {
    expect(parse('-f', 'a.yaml', '--project-name', 'shop', 'up').globals).toMatchObject({
      file: ['a.yaml'],
      'project-name': 'shop',
    })
  })

  test('may stand after it', () => {
    expect(parse('up', '-f', 'a.yaml', '-p', 'shop').globals).toMatchObject({
      file: ['a.yaml'],
      'project-name': 'shop',
    })
  })

  test('may have their value behind an equals sign', () => {
    expect(parse('--file=a.yaml', '-p=shop', 'up', 'web')).toMatchObject({
      globals: { file: ['a.yaml'], 'project-name': 'shop' },
      words: ['web'],
    })
  })

  test('do not take their value for the command', () => {
    expect(parse('-p', 'up', 'down').command?.name).toBe('down')
  })

  test('may be given several times where there may be several', () => {
    expect(parse('-f', 'a.yaml', '-f', 'b.yaml', '--profile', 'x', '--profile', 'y', 'up').globals).toMatchObject({
      file: ['a.yaml', 'b.yaml'],
      profile: ['x', 'y'],
    })
  })

  test('before the command are not undone by defaults after it', () => {
    expect(parse('--progress', 'plain', '--ansi', 'never', 'up').globals).toMatchObject({
      progress: 'plain',
      ansi: 'never',
    })
  })

  test('have defaults', () => {
    expect(parse('up').globals).toMatchObject({ progress: 'auto', ansi: 'auto' })
  })

  test('may read from standard input: -f -', () => {
    expect(parse('-f', '-', 'up')).toMatchObject({ globals: { file: ['-'] }, command: { name: 'up' } })
  })

  test('before and after the command add up where there may be several', () => {
    expect(parse('-f', 'a.yaml', 'up', '-f', 'b.yaml').globals.file).toEqual(['a.yaml', 'b.yaml'])
  })
})

describe('a letter of a command’s own', () => {
  test('wins over that of every command: logs -f follows', () => {
    const parsed = parse('logs', '-f', 'web')
    expect(parsed.values).toMatchObject({ follow: true })
    expect(parsed.globals.file).toBeUndefined()
    expect(parsed.words).toEqual(['web'])
  })

  test('leaves the long form: logs --file', () => {
    expect(parse('logs', '--file', 'a.yaml').globals.file).toEqual(['a.yaml'])
  })

  test('leaves the letter before the command: -f FILE logs -f', () => {
    const parsed = parse('-f', 'a.yaml', 'logs', '-f')
    expect(parsed.globals.file).toEqual(['a.yaml'])
    expect(parsed.values.follow).toBe(true)
  })

  test('down -v removes volumes, and is no question for the version', () => {
    expect(parse('down', '-v')).toMatchObject({ version: false, values: { volumes: true } })
  })
})

describe('values', () => {
  test('of numbers are numbers', () => {
    expect(parse('up', '--timeout', '10').values.timeout).toBe(10)
    expect(parse('up', '--timeout=0').values.timeout).toBe(0)
    expect(parse('up', '-t5').values.timeout).toBe(5)
    expect(parse('up', '-t', '-1').values.timeout).toBe(-1)
  })

  test('of text stay text', () => {
    expect(parse('-p', '007', 'logs', '--tail', '5')).toMatchObject({
      globals: { 'project-name': '007' },
      values: { tail: '5' },
    })
  })

  test('in words stay text', () => {
    expect(parse('scale', 'web=3', '007').words).toEqual(['web=3', '007'])
  })

  test('given several times are the last, where there is one', () => {
    expect(parse('up', '-t', '5', '-t', '6').values.timeout).toBe(6)
    expect(parse('-p', 'a', '-p', 'b', 'up').globals['project-name']).toBe('b')
  })

  test('given several times are all, where there may be several', () => {
    expect(parse('up', '--scale', 'web=2', '--scale', 'db=1').values.scale).toEqual(['web=2', 'db=1'])
  })

  test('of switches may be said: --wait=false', () => {
    expect(parse('up', '--wait=false').values.wait).toBe(false)
  })

  test('that are dashed are words after --', () => {
    expect(parse('up', '--', '-weird').words).toEqual(['-weird'])
  })

  test('have defaults of the command', () => {
    expect(parse('logs').values.tail).toBe('all')
    expect(parse('history').values.limit).toBe(20)
  })

  test('of a choice may be several where there may be several', () => {
    expect(parse('ps', '--status', 'running', '--status', 'exited').error).toBeUndefined()
  })
})

describe('a mistake is told', () => {
  test.each([
    ['an unknown flag', ['up', '--nonsense'], 'unknown flag: --nonsense'],
    ['an unknown letter', ['up', '-x'], 'unknown flag: -x'],
    ['an unknown flag before the command', ['--nonsense', 'up'], 'unknown flag: --nonsense'],
    ['a flag of another command', ['down', '--wait'], 'unknown flag: --wait'],
    ['a text that is missing', ['up', '--pull'], 'flag needs an argument: --pull'],
    ['a text that is missing before another flag', ['up', '--pull', '--build'], 'flag needs an argument: --pull'],
    ['a text that is missing before the command', ['-p'], 'flag needs an argument: --project-name'],
    ['a number that is none', ['up', '--timeout', 'soon'], '--timeout is not a whole number: soon'],
    ['a number that is not whole', ['up', '-t', '1.5'], '--timeout is not a whole number: 1.5'],
    [
      'a word that is no choice',
      ['up', '--pull', 'often'],
      '--pull is not one of always, missing, never, build: often',
    ],
    [
      'a word that is no choice, for every command',
      ['--ansi', 'x', 'up'],
      '--ansi is not one of never, always, auto: x',
    ],
  ])('%s', (_, argv, error) => {
    expect(parse(...argv).error).toBe(error)
  })

  test('a number that is missing', () => {
    expect(parse('down', '--timeout').error).toBe('flag needs an argument: --timeout')
  })

  test('a number that is missing before another flag', () => {
    expect(parse('up', '-t', '--wait').error).toBe('flag needs an argument: --timeout')
  })

  test('a number that is empty', () => {
    expect(parse('down', '--timeout=').error).toBeDefined()
  })
})
