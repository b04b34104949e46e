import { describe, expect, test } from 'vitest'
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

  test('is what client/README.md shows', async () => {
    await expect(readme()).toMatchFileSnapshot('../../../client/README.md')
  })
})
