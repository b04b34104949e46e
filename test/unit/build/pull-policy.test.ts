import { describe, expect, test } from 'vitest'
import { type ImageQuestion, imageDecision } from '../../../daemon/build/pull-policy.ts'

const NOW = new Date('2026-01-10T00:00:00Z')

const decide = (parts: Partial<ImageQuestion>) =>
  imageDecision({
    service: 'web',
    reference: 'web:1',
    policy: undefined,
    pullOption: undefined,
    buildOption: 'missing',
    hasBuild: false,
    hasImage: true,
    present: false,
    lastTagTime: undefined,
    now: NOW,
    ...parts,
  }).kind

type Row = readonly [what: string, parts: Partial<ImageQuestion>, decision: string]

const HERE = { present: true }
const BUILT = { hasBuild: true, hasImage: false }
const BOTH = { hasBuild: true, hasImage: true }

const IMAGE_ALONE: readonly Row[] = [
  ['is used where it is here', HERE, 'use'],
  ['is pulled where it is not', {}, 'pull'],
  ['is used where it is here: missing', { ...HERE, policy: 'missing' }, 'use'],
  ['is used where it is here: if_not_present', { ...HERE, policy: 'if_not_present' }, 'use'],
  ['is pulled also where it is here: always', { ...HERE, policy: 'always' }, 'pull'],
  ['is used where it is here: never', { ...HERE, policy: 'never' }, 'use'],
  ['is a failure where it is not: never', { policy: 'never' }, 'fail'],
  ['is a failure: build, with nothing to build', { ...HERE, policy: 'build' }, 'fail'],
  ['is pulled: --pull always', { ...HERE, pullOption: 'always' }, 'pull'],
  ['is used: --pull missing, which wins over the file', { ...HERE, policy: 'always', pullOption: 'missing' }, 'use'],
  ['is a failure where it is not: --pull never', { policy: 'always', pullOption: 'never' }, 'fail'],
  ['is pulled whatever --build says', { buildOption: 'always' }, 'pull'],
]

const REFRESHED: readonly Row[] = [
  ['daily: a day is not over', { ...HERE, policy: 'daily', lastTagTime: '2026-01-09T00:00:01Z' }, 'use'],
  ['daily: a day is over', { ...HERE, policy: 'daily', lastTagTime: '2026-01-09T00:00:00Z' }, 'pull'],
  ['weekly: a week is not over', { ...HERE, policy: 'weekly', lastTagTime: '2026-01-04T00:00:00Z' }, 'use'],
  ['weekly: a week is over', { ...HERE, policy: 'weekly', lastTagTime: '2026-01-02T00:00:00Z' }, 'pull'],
  ['every_12h: over', { ...HERE, policy: 'every_12h', lastTagTime: '2026-01-09T11:00:00Z' }, 'pull'],
  ['every_1d12h: not over', { ...HERE, policy: 'every_1d12h', lastTagTime: '2026-01-09T00:00:00Z' }, 'use'],
  ['nobody knows when it was tagged', { ...HERE, policy: 'daily' }, 'pull'],
  ['it is not here', { policy: 'daily' }, 'pull'],
]

const BUILD_ALONE: readonly Row[] = [
  ['is used where it is here', { ...BUILT, ...HERE }, 'use'],
  ['is built where it is not', BUILT, 'build'],
  ['is built also where it is here: --build', { ...BUILT, ...HERE, buildOption: 'always' }, 'build'],
  ['is built also where it is here: pull_policy build', { ...BUILT, ...HERE, policy: 'build' }, 'build'],
  ['is a failure where it is not: --no-build', { ...BUILT, buildOption: 'never' }, 'fail'],
  ['is used where it is here: --no-build', { ...BUILT, ...HERE, buildOption: 'never' }, 'use'],
  [
    'is used where it is here: pull_policy build, --no-build',
    { ...BUILT, ...HERE, policy: 'build', buildOption: 'never' },
    'use',
  ],
  [
    'is a failure where it is not: pull_policy build, --no-build',
    { ...BUILT, policy: 'build', buildOption: 'never' },
    'fail',
  ],
  ['is built where it is not: never', { ...BUILT, policy: 'never' }, 'build'],
  ['is never pulled: always', { ...BUILT, policy: 'always' }, 'build'],
  ['is never pulled: --pull always', { ...BUILT, pullOption: 'always' }, 'build'],
]

const IMAGE_AND_BUILD: readonly Row[] = [
  ['is used where it is here', { ...BOTH, ...HERE }, 'use'],
  ['is built where it is not', BOTH, 'build'],
  ['is pulled, else built, where it is not: missing', { ...BOTH, policy: 'missing' }, 'pull-else-build'],
  ['is pulled, else built: always', { ...BOTH, ...HERE, policy: 'always' }, 'pull-else-build'],
  ['is only pulled: always, --no-build', { ...BOTH, policy: 'always', buildOption: 'never' }, 'pull'],
  ['is built: --build', { ...BOTH, ...HERE, policy: 'always', buildOption: 'always' }, 'build'],
  ['is used where it is here, however old', { ...BOTH, ...HERE, policy: 'daily' }, 'use'],
]

describe('an image without a build section', () => {
  test.each(IMAGE_ALONE)('%s', (_, parts, decision) => expect(decide(parts)).toBe(decision))
})

describe('an image that is to be pulled now and then', () => {
  test.each(REFRESHED)('%s', (_, parts, decision) => expect(decide(parts)).toBe(decision))
})

describe('an image that is only built', () => {
  test.each(BUILD_ALONE)('%s', (_, parts, decision) => expect(decide(parts)).toBe(decision))
})

describe('an image that has a name and a build section', () => {
  test.each(IMAGE_AND_BUILD)('%s', (_, parts, decision) => expect(decide(parts)).toBe(decision))
})

test('a failure says what to do', () => {
  expect(
    imageDecision({
      service: 'web',
      reference: 'web:1',
      policy: 'never',
      pullOption: undefined,
      buildOption: 'missing',
      hasBuild: false,
      hasImage: true,
      present: false,
      lastTagTime: undefined,
      now: NOW,
    }),
  ).toEqual({
    kind: 'fail',
    reason: 'image web:1 of service web is not here and may not be pulled',
    hint: 'make it here (docker pull/build/load web:1), or change pull_policy',
  })
})
