import { describe, expect, test } from 'vitest'
import type { ContainerSummary } from '../../../daemon/engine/types.ts'
import { chooseRunning } from '../../../daemon/stack/choose-container.ts'
import { problemOf } from '../support/problems.ts'

const container = (
  service: string,
  number: number | 'one-off',
  state: ContainerSummary['State'] = 'running',
  suffix = '',
) =>
  ({
    Id: `${service}-${number}${suffix}`,
    Names: [`/shop-${service}-${number}${suffix}`],
    State: state,
    Labels: {
      'com.docker.compose.service': service,
      ...(number === 'one-off'
        ? { 'com.docker.compose.oneoff': 'True' }
        : { 'com.docker.compose.oneoff': 'False', 'com.docker.compose.container-number': String(number) }),
    },
  }) as unknown as ContainerSummary

describe('the container that a command means', () => {
  const all = [container('web', 'one-off'), container('web', 10), container('web', 2), container('db', 1)]

  test('is the one with the lowest number, by number', () => {
    expect(chooseRunning(all, { service: 'web' }).Id).toBe('web-2')
  })

  test('is the one of that number', () => {
    expect(chooseRunning(all, { service: 'web', index: 10 }).Id).toBe('web-10')
  })

  test('is a one-off only where there is nothing else', () => {
    expect(chooseRunning([all[0]!], { service: 'web' }).Id).toBe('web-one-off')
  })

  test('is of two of a number the one that serves, and not the one on trial', () => {
    const tried = container('web', 2, 'running', '.canary')
    expect(chooseRunning([tried, ...all], { service: 'web' }).Id).toBe('web-2')
  })

  test('runs', () => {
    const first = container('web', 1, 'exited')
    expect(chooseRunning([first, ...all], { service: 'web' }).Id).toBe('web-2')
    expect(problemOf(() => chooseRunning([first], { service: 'web' })).message).toBe('service "web" is not running')
  })

  test('that is not there is told in Compose’s words', () => {
    expect(problemOf(() => chooseRunning(all, { service: 'web', index: 5 })).message).toBe(
      'service "web" is not running container #5',
    )
  })
})
