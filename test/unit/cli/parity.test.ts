import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../../client/cli/commands/index.ts'
import { parseCommandLine } from '../../../client/cli/parse.ts'
import { STATUS } from '../../parity/status.ts'
import { COMPOSE, isPresent, ourCommand, ourOptions, ROWS, readme } from '../../parity/table.ts'

const keysWhere = (holds: (row: (typeof ROWS)[number]) => boolean) => ROWS.filter(holds).map(({ key }) => key)

describe('the table of what Compose has', () => {
  test('knows commands and flags by the hundred', () => {
    expect(COMPOSE.version).toBe('2.40.3')
    expect(ROWS.length).toBeGreaterThan(200)
  })

  test('names nothing that Compose does not have', () => {
    const known = new Set(ROWS.map(({ key }) => key))
    expect(Object.keys(STATUS).filter((key) => !known.has(key))).toEqual([])
  })

  test('marks a command as there if and only if it is', () => {
    expect(
      keysWhere((row) => row.flag === undefined && isPresent(row) !== (ourCommand(row.command!) !== undefined)),
    ).toEqual([])
  })

  test('marks a flag as there if and only if it is an option of our command', () => {
    expect(
      keysWhere(
        (row) => row.flag !== undefined && isPresent(row) !== (ourOptions(row.command)[row.flag.name] !== undefined),
      ),
    ).toEqual([])
  })

  test('has the same letter for each flag that is there', () => {
    const present = ROWS.filter((row) => row.flag !== undefined && isPresent(row))
    const ours = Object.fromEntries(present.map((row) => [row.key, ourOptions(row.command)[row.flag!.name]?.alias]))
    expect(ours).toEqual(Object.fromEntries(present.map((row) => [row.key, row.flag!.letter])))
  })

  test('has flags that take a value where Compose’s take one', () => {
    // A flag of Compose whose default is true takes none: `--orphans`, whose values people write out, is one here.
    const takesValue = (row: (typeof ROWS)[number]) => ourOptions(row.command)[row.flag!.name]!.type !== 'boolean'
    const present = ROWS.filter((row) => row.flag !== undefined && isPresent(row) && row.key !== 'ps --orphans')
    expect(present.filter((row) => takesValue(row) !== (row.flag!.value !== undefined)).map(({ key }) => key)).toEqual(
      [],
    )
  })

  test('has a reason for each flag that is left out, which whoever types it is told', () => {
    for (const { command, flag, status } of ROWS) {
      if (
        flag === undefined ||
        status.word !== 'left out' ||
        (command !== undefined && ourCommand(command) === undefined)
      )
        continue
      const typed = flag.value === undefined ? [`--${flag.name}`] : [`--${flag.name}`, '1']
      const argv = command === undefined ? [...typed, 'ps'] : [command, ...typed]
      expect(parseCommandLine(argv, COMMANDS).error).toBe(`there is no --${flag.name} here: ${status.why}`)
    }
  })

  test('is what client/README.md shows', async () => {
    await expect(readme()).toMatchFileSnapshot('../../../client/README.md')
  })
})
