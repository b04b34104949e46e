import { describe, expect, test } from 'vitest'
import { isClean, renderBuildChecks } from '../../../client/cli/render/build-check.ts'
import { buildCheckOf } from '../../../daemon/build/build-check.ts'
import type { BuildCheck } from '../../../protocol/resources/job.ts'

const TEXT = 'from base as Base\nARG a\nENV A b\nCMD echo hi\n'

const answerOf = (result: object) => buildCheckOf('web', { 'result.json': JSON.stringify(result) })
const source = { filename: 'Dockerfile', data: Buffer.from(TEXT).toString('base64') }
const rendered = (...checks: BuildCheck[]) => renderBuildChecks(checks, (_, file) => `/srv/${file}`)

describe("BuildKit's answer", () => {
  test('is read with what Go leaves out of it', () => {
    const location = { ranges: [{ start: { line: 3 }, end: { line: 3 } }] }
    const warning = { ruleName: 'Rule', url: 'https://x', detail: 'what is wrong', location }
    expect(answerOf({ warnings: [warning], sources: [source] })).toEqual({
      service: 'web',
      warnings: [
        { rule: 'Rule', url: 'https://x', detail: 'what is wrong', source: 0, ranges: [{ start: 3, end: 3 }] },
      ],
      sources: [{ file: 'Dockerfile', text: TEXT }],
    })
    expect(answerOf({ warnings: null, sources: null })).toEqual({ service: 'web', warnings: [], sources: [] })
  })

  test('has no place where it names none', () => {
    const { warnings } = answerOf({ warnings: [{ ruleName: 'R', location: { sourceIndex: -1 } }] })
    expect(warnings).toEqual([{ rule: 'R', url: '', detail: '', ranges: [] }])
  })

  test.each([{}, { 'result.json': 'x' }, { 'result.json': '[]' }])('that is none is a problem: %j', (metadata) => {
    expect(() => buildCheckOf('web', metadata as Record<string, string>)).toThrow('in a form that is not known')
  })
})

describe('checks as Compose prints them', () => {
  const warning = (rule: string, line: number) => ({
    rule,
    url: '',
    detail: `about line ${line}`,
    source: 0,
    ranges: [{ start: line, end: line }],
  })
  const sources = [{ file: 'Dockerfile', text: TEXT }]

  test('without a warning', () => {
    const check = { service: 'web', warnings: [], sources: [] }
    expect(rendered(check)).toBe('web\n\nCheck complete, no warnings found.\n')
    expect(isClean(check)).toBe(true)
  })

  test('by line, with the lines around each', () => {
    const check = { service: 'web', warnings: [warning('Second', 4), warning('First', 1)], sources }
    expect(isClean(check)).toBe(false)
    expect(rendered(check)).toBe(
      [
        'web',
        '',
        'Check complete, 2 warnings have been found!',
        '',
        'WARNING: First',
        'about line 1',
        '/srv/Dockerfile:1',
        '--------------------',
        '   1 | >>> from base as Base',
        '   2 |     ARG a',
        '   3 |     ENV A b',
        '--------------------',
        '',
        'WARNING: Second',
        'about line 4',
        '/srv/Dockerfile:4',
        '--------------------',
        '   2 |     ARG a',
        '   3 |     ENV A b',
        '   4 | >>> CMD echo hi',
        '   5 |     ',
        '--------------------',
        '',
      ].join('\n'),
    )
  })

  test('of several services by name, and one warning in the singular', () => {
    const clean = { service: 'a', warnings: [], sources: [] }
    const nowhere = { service: 'b', warnings: [{ rule: 'R', url: 'https://x', detail: 'd', ranges: [] }], sources: [] }
    expect(rendered(nowhere, clean)).toBe(
      'a\n\nCheck complete, no warnings found.\n\nb\n\nCheck complete, 1 warning has been found!\n\nWARNING: R - https://x\nd\n',
    )
  })

  test('with an error instead of an end', () => {
    const error = { message: 'unknown instruction: WAT', source: 0, ranges: [{ start: 2, end: 9 }] }
    const check = { service: 'web', warnings: [], error, sources }
    expect(isClean(check)).toBe(false)
    expect(rendered(check)).toContain('web\n\nerror: unknown instruction: WAT\n/srv/Dockerfile:2\n')
    expect(rendered(check)).toContain('   2 | >>> ARG a\n')
  })
})
