import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { renderProblem } from '../../../client/cli/render/problem.ts'
import { Problem } from '../../../protocol/problems.ts'

function thrown(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

test('a problem is its words, and what to do on the lines below', () => {
  expect(renderProblem(new Problem('conflict', 'no', { hint: 'try\nagain' }))).toBe('no\n  try\n  again')
})

test('what the system says of a file is told as it is, and is no bug of ours', () => {
  expect(renderProblem(thrown(() => readFileSync('/nothing/here')))).toBe(
    "ENOENT: no such file or directory, open '/nothing/here'",
  )
})

test('any other error is a bug of ours, with its place', () => {
  expect(renderProblem(thrown(() => (undefined as unknown as string).length))).toMatch(
    /^evenkeel: TypeError[\s\S]*\n {4}at [\s\S]*this is a bug in evenkeel/,
  )
  expect(renderProblem('words')).toMatch(/^evenkeel: words\n {2}this is a bug/)
})
