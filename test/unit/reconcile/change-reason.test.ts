import { describe, expect, test } from 'vitest'
import { changeReason } from '../../../daemon/reconcile/change-reason.ts'
import type { RevisionRow } from '../../../daemon/store/revisions.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'
import { aModel, aRevision } from '../support/core.ts'
import { aContainer, anOutdated, aService, aStack } from '../support/stack-builders.ts'

const before = aService('web')
const now = aService('web', { revision: 2 })

/** The reason for a container of revision 1, by what the two revisions say. */
function reasonFor(
  [old, next]: readonly [Partial<Service>, Partial<Service>],
  parts: Parameters<typeof aContainer>[1] = {},
  revisions: Partial<Record<1 | 2, Partial<RevisionRow>>> = {},
  service = now,
) {
  const rows = [aRevision(1, aModel({ web: old }), revisions[1]), aRevision(2, aModel({ web: next }), revisions[2])]
  return changeReason(anOutdated(before, parts), aStack([service]), (number) => rows[number - 1])
}

describe('a container is replaced because', () => {
  test('keys of its service changed, which are named', () => {
    expect(reasonFor([{ environment: { A: '1' } }, { environment: { A: '2' }, command: ['x'] }])).toBe(
      'command, environment.A changed',
    )
  })

  test('many keys changed, of which a few are named', () => {
    const next = { command: ['x'], hostname: 'h', init: true, tty: true, user: 'u', uts: 'host' }
    expect(reasonFor([{}, next])).toBe('command, hostname, init, tty and 2 more changed')
  })

  test('its image is another one now', () => {
    expect(reasonFor([{}, {}], { imageId: 'sha256:older' })).toBe('image web:1 is another one now')
  })

  test('the content of a secret changed, of which the name alone is told', () => {
    const file = (digest: string) => ({
      files: [
        {
          kind: 'secret' as const,
          name: 'key',
          digest,
          delivery: 'file' as const,
          mode: undefined,
          uid: undefined,
          gid: undefined,
        },
      ],
    })
    expect(reasonFor([{}, {}], {}, { 1: file('a'), 2: file('b') })).toBe('the content of secret key changed')
  })

  test('somebody forces it', () => {
    expect(reasonFor([{}, {}], { recreate: 0 }, {}, { ...now, recreate: 1 })).toBe('--force-recreate was given')
  })

  test('it is dead', () => {
    expect(reasonFor([{}, {}], { state: 'dead' })).toBe('it is dead')
  })

  test('the Engine died in starting it', () => {
    expect(reasonFor([{}, {}], { unstartable: true })).toMatch(/the Engine left of a start/)
  })

  test('it was made from something else, of which no revision is known', () => {
    expect(reasonFor([{ tty: true }, {}], { revision: undefined })).toBe(
      'it was made from another definition than the file has now',
    )
  })

  test('its service left the file', () => {
    expect(changeReason(aContainer(aService('old')), aStack([now]), () => undefined)).toBe(
      'its service is no longer in the file',
    )
  })
})

test('no value of a variable is ever told', () => {
  const words = reasonFor([{ environment: { TOKEN: 'old-s3cret' } }, { environment: { TOKEN: 'new-s3cret' } }])
  expect(words).toBe('environment.TOKEN changed')
})
