/**
 * A stack as it is meant to be now, as one model: each service at its own revision and scale. What `docker compose` is
 * handed when it is to go on.
 */
import type { Model, Service } from '../../protocol/stackfile/model.ts'
import type { ServiceState } from './desired.ts'

/** `modelOf` answers the model of a revision; `current` is the stack's own. */
export function effectiveModel(
  current: number,
  states: readonly ServiceState[],
  modelOf: (revision: number) => Model,
): Model {
  const models = [...new Set([...states.map(({ revision }) => revision), current])].sort((a, b) => a - b).map(modelOf)
  const merged = (key: (typeof SECTIONS)[number]): Partial<Model> =>
    models.every((model) => model[key] === undefined)
      ? {}
      : { [key]: Object.assign({}, ...models.map((model) => model[key] ?? {})) }
  const services = states.flatMap((state): [string, Service][] => {
    const spec = modelOf(state.revision).services[state.service]
    return spec === undefined ? [] : [[state.service, scaled(spec, state.scale)]]
  })
  return Object.assign({}, modelOf(current), { services: Object.fromEntries(services) }, ...SECTIONS.map(merged))
}

const SECTIONS = ['networks', 'volumes', 'configs', 'secrets', 'models'] as const

/** Compose refuses a `scale` that differs from `deploy.replicas`. */
function scaled(spec: Service, scale: number | undefined): Service {
  if (scale === undefined) return spec
  const { deploy } = spec
  return { ...spec, scale, ...(deploy?.replicas === undefined ? {} : { deploy: { ...deploy, replicas: scale } }) }
}
