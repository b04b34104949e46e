import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Problem } from '../../../protocol/problems.ts'
import { renderConfigJson } from '../../../protocol/stackfile/render.ts'
import { errorsOf, load } from './memory-source.ts'

interface Answer {
  readonly yaml: string
  /** The extensions of the model as `docker compose config` 2.40.3 printed them; null where it refused the file. */
  readonly answer: Record<string, unknown> | null
}

const answers = JSON.parse(
  readFileSync(new URL('../../fixtures/yaml/answers.json', import.meta.url), 'utf8'),
) as Answer[]

function read(yaml: string): Record<string, unknown> | null {
  try {
    const model = JSON.parse(renderConfigJson(load({ 'compose.yaml': yaml }).model)) as Record<string, unknown>
    return Object.fromEntries(Object.entries(model).filter(([key]) => key.startsWith('x-')))
  } catch (error) {
    if (error instanceof Problem) return null
    throw error
  }
}

describe('YAML is read as Compose reads it', () => {
  it.each(answers.map(({ yaml, answer }) => [JSON.stringify(yaml.slice(0, 100)), yaml, answer] as const))(
    '%s',
    (_, yaml, answer) => {
      expect(read(yaml)).toEqual(answer)
    },
  )
})

describe('an error of YAML says where it is and what it may be', () => {
  it.each([
    ['services:\n\ta: {image: x}', '2:1 YAML: A tab cannot indent'],
    [
      'services:\n  a:\n    image: x\n   tty: true',
      '4:4 YAML: A mapping goes on with a key at the indentation of its first one',
    ],
    [
      'services:\n  a:\n    image: x: y',
      '3:13 YAML: A ":" cannot stand here: it would begin a mapping inside of a value',
    ],
    [
      'services:\n  a:\n    image "x"\n    tty: true',
      '4:8 YAML: A ":" cannot stand here: it would begin a mapping inside of a value',
    ],
    ['services:\n  a:\n    image: x\n    tty\n', '4:5 YAML: This line has no ":"'],
    ['services: {a: {image: x}', '1:11 YAML: This { is not closed'],
    ['services:\n  a:\n    ports: ["80", \n', '3:12 YAML: This [ is not closed'],
    ['services:\n  a:\n    image: "x', '3:12 YAML: This quote is not closed'],
    ['services:\n  a:\n    image: @x', '3:12 YAML: A value cannot begin with @'],
    ['services:\n  a:\n    image: "\\x"', '3:13 YAML: \\x needs 2 hexadecimal digits that name a character'],
    ['services:\n  a:\n    command: |x\n      y', '3:15 YAML: Only a comment may follow | on its line'],
    ['services:\n  a: *b', '2:6 There is no anchor "b"'],
    ['services:\n  a: {image: x\x07}', '2:15 Control character U+0007 is not allowed in YAML'],
    ['%YAML 1.2\n---\nservices: {}', '1:1 YAML: YAML version 1.2 is not accepted'],
  ])('%j', (yaml, message) => {
    expect(errorsOf({ 'compose.yaml': yaml })).toEqual([`compose.yaml:${message}`])
  })
})
