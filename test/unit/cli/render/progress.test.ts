import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { PlainView } from '../../../../client/cli/render/progress.ts'
import type { Step } from '../../../../protocol/resources/deployment.ts'

const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString()
const step = (object: string, more: Partial<Step>): Step => ({
  id: `1 ${object}`,
  action: 'start-container',
  object,
  label: 'Waiting',
  reason: 'it is declared',
  state: 'waiting',
  ...more,
})
const RUNNING = { state: 'running', label: 'Starting', doing: 'Starting' } as const
const DONE = { state: 'done', label: 'Started', doing: 'Starting' } as const

let written = ''
beforeEach(() => {
  written = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
})
const lines = () => written.split('\n').filter(Boolean)

describe('a deployment without a terminal', () => {
  test('tells of what began and ended before the first look, in the order of time', () => {
    new PlainView().steps([
      step('web', { ...DONE, startedAt: at(30), endedAt: at(40) }),
      step('db', { ...DONE, startedAt: at(10), endedAt: at(20) }),
    ])
    expect(lines()).toEqual([' db  Starting', ' db  Started', ' web  Starting', ' web  Started'])
  })

  test('says each thing once', () => {
    const view = new PlainView()
    view.steps([step('db', { ...RUNNING, startedAt: at(10) })])
    view.steps([step('db', { ...RUNNING, startedAt: at(10) })])
    view.steps([step('db', { ...DONE, startedAt: at(10), endedAt: at(20) })])
    view.steps([step('db', { ...DONE, startedAt: at(10), endedAt: at(20) })])
    expect(lines()).toEqual([' db  Starting', ' db  Started'])
  })

  test('says nothing of what waits or was left out, and of a failure why', () => {
    const error = { detail: 'no such image\nmore of it' } as Step['error']
    new PlainView().steps([
      step('a', {}),
      step('b', { state: 'skipped', label: 'Skipped' }),
      step('c', { state: 'failed', label: 'Error', doing: 'Starting', error, startedAt: at(1), endedAt: at(2) }),
    ])
    expect(lines()).toEqual([' c  Starting', ' c  Error no such image'])
  })
})
