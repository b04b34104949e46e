import { describe, expect, test } from 'vitest'
import type { ContainerSummary } from '../../../daemon/engine/types.ts'
import { chooseForCopy, chooseRunning } from '../../../daemon/stack/choose-container.ts'
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

describe('the containers that a copy means', () => {
  const all = [container('web', 'one-off'), container('web', 10, 'exited'), container('web', 2), container('db', 1)]
  const chosen = (wish: { index?: number; all?: boolean }, containers = all) =>
    chooseForCopy(containers, { service: 'web', all: false, ...wish }).map(({ Id }) => Id)

  test('are those of the service by number, whether they run or not', () => {
    expect(chosen({})).toEqual(['web-2', 'web-10'])
  })

  test('are one-offs as well where they are asked for, last', () => {
    expect(chosen({ all: true })).toEqual(['web-2', 'web-10', 'web-one-off'])
  })

  test('are the one of that number', () => {
    expect(chosen({ index: 10, all: true })).toEqual(['web-10'])
  })

  test('that are not there are told in Compose’s words', () => {
    expect(problemOf(() => chosen({}, [all[0]!])).message).toBe('no container found for service "web"')
    expect(problemOf(() => chosen({ index: 3 })).message).toBe('service "web" is not running container #3')
  })
})
