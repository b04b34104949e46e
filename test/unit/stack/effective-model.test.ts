import { expect, test } from 'vitest'
import type { ServiceState } from '../../../daemon/stack/desired.ts'
import { effectiveModel } from '../../../daemon/stack/effective-model.ts'
import { aModel } from '../support/core.ts'

const state = (service: string, revision: number, parts: Partial<ServiceState> = {}): ServiceState => ({
  service,
  revision,
  run: 'running',
  scale: undefined,
  recreate: 0,
  restart: 0,
  outdated: 'replace',
  ...parts,
})
const FIRST = aModel({ web: { tty: true }, db: {} }, { volumes: { data: { name: 'shop_data' } } })
const SECOND = aModel({ web: { tty: false }, db: { tty: true } })
const modelOf = (revision: number) => (revision === 1 ? FIRST : SECOND)

test('a stack as one model has each service as of its own revision, with what that needs', () => {
  const model = effectiveModel(2, [state('web', 2), state('db', 1)], modelOf)
  expect([model.services.web?.tty, model.services.db?.tty]).toEqual([false, undefined])
  expect(model.volumes).toEqual({ data: { name: 'shop_data' } })
  expect(model.name).toBe('shop')
  expect(model).not.toHaveProperty('secrets')
})

test('a scale that was asked for stands in it, in both places where Compose reads one', () => {
  const deployed = aModel({ web: { deploy: { replicas: 2 } } })
  const { services } = effectiveModel(1, [state('web', 1, { scale: 5 })], () => deployed)
  expect(services.web).toMatchObject({ scale: 5, deploy: { replicas: 5 } })
})
