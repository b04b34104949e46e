import { describe, expect, test } from 'vitest'
import { PROBLEMS, Problem, type ProblemCode, type ProblemDetails } from '../../../protocol/problems.ts'
import { ProblemSchema } from '../../../protocol/resources/common.ts'

const CODES = Object.keys(PROBLEMS) as ProblemCode[]

describe('every code of a problem', () => {
  test.each(CODES)('%s has a status, a title and an exit code', (code) => {
    const { status, title, exitCode } = PROBLEMS[code]
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(600)
    expect(title).toMatch(/^[A-Z].*[^.]$/)
    expect(exitCode).toBeGreaterThan(0)
    expect(exitCode).toBeLessThan(126)
  })

  test.each(CODES)('%s is written in lower case, with dashes', (code) => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
  })

  test.each(CODES)('%s crosses the wire and is the same on the other side', (code) => {
    const problem = new Problem(code, 'words', {
      hint: 'do this',
      findings: [{ message: 'm', path: 'a.b', place: { file: 'f', line: 1, column: 2 } }],
      engine: { call: 'GET /x', status: 500 },
    })
    const there = Problem.fromDetails(JSON.parse(JSON.stringify(problem.toDetails())) as ProblemDetails)
    expect(there.toDetails()).toEqual(problem.toDetails())
    expect(there).toMatchObject({ code, status: PROBLEMS[code].status, exitCode: PROBLEMS[code].exitCode })
  })

  test.each(CODES)('%s is as its schema says', (code) => {
    expect(ProblemSchema.safeParse(new Problem(code, 'words').toDetails()).success).toBe(true)
  })
})

describe('a problem', () => {
  test('has only the parts that it has', () => {
    expect(new Problem('conflict', 'words').toDetails()).toEqual({
      type: 'https://evenkeel.dev/problems/conflict',
      code: 'conflict',
      title: 'The request conflicts with the present state',
      status: 409,
      detail: 'words',
    })
  })

  test('keeps its cause to itself', () => {
    const cause = new Error('s3cret')
    const problem = new Problem('internal', 'words', { cause })
    expect(problem.cause).toBe(cause)
    expect(JSON.stringify(problem.toDetails())).not.toContain('s3cret')
  })

  test('of a code that a newer daemon has is an internal one', () => {
    const details = { type: 't', code: 'brand-new', title: 'T', status: 418, detail: 'words' }
    expect(Problem.fromDetails(details as unknown as ProblemDetails)).toMatchObject({
      code: 'internal',
      message: 'words',
    })
  })

  test('of a code that is the name of something every object has is an internal one', () => {
    const details = { type: 't', code: 'constructor', title: 'T', status: 418, detail: 'words' }
    expect(Problem.fromDetails(details as unknown as ProblemDetails).code).toBe('internal')
  })
})

test('exit codes that scripts rely on do not change', () => {
  expect(PROBLEMS['stack-owned-elsewhere'].exitCode).toBe(15)
  expect(PROBLEMS['daemon-unreachable'].exitCode).toBe(16)
})
