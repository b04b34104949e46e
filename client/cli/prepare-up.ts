/** Everything that a request to bring a stack up carries: model, files, credentials, and the contexts of what is built. */
import type { UpRequestInput } from '../../protocol/resources/stack.ts'
import type { LoadedStack } from '../../protocol/stackfile/load.ts'
import type { Model, Service } from '../../protocol/stackfile/model.ts'
import type { Api } from '../api.ts'

type UpOptions = NonNullable<UpRequestInput['options']>

export async function prepareUp(api: Api, loaded: LoadedStack, options: UpOptions): Promise<UpRequestInput> {
  const { model } = loaded
  const { requestOf } = await import('../stack-source.ts')
  const request = requestOf(loaded)
  const services = inScope(model, options)
  const builds = services.filter(([, service]) => service.build !== undefined)
  const pullable = services.filter(([, service]) => service.image !== undefined && options.pull !== 'never')
  const [contexts, registryAuth] = await Promise.all([
    builds.length === 0 ? {} : sendContexts(api, model, builds, options),
    pullable.length === 0 ? {} : credentials(pullable.map(([, service]) => service.image!)),
  ])
  return { ...request, options, contexts, registryAuth }
}

type Entry = readonly [string, Service]

function inScope(model: Model, options: UpOptions): Entry[] {
  const named = options.services ?? []
  if (named.length === 0) return Object.entries(model.services)
  const scope = new Set<string>()
  const visit = (name: string): void => {
    const service = model.services[name]
    if (service === undefined || scope.has(name)) return
    scope.add(name)
    if (options.dependencies !== 'ignore') Object.keys(service.depends_on ?? {}).forEach(visit)
  }
  named.forEach(visit)
  return Object.entries(model.services).filter(([name]) => scope.has(name))
}

/** A context is sent only where something will be built: because it was asked for, or because the image is not there. */
async function sendContexts(
  api: Api,
  model: Model,
  builds: readonly Entry[],
  options: UpOptions,
): Promise<Record<string, string>> {
  if (options.build === 'never') return {}
  const reference = ([name, service]: Entry) => service.image ?? `${model.name}-${name}`
  const forced = options.build === 'always' || options.pull === 'build'
  const known = forced ? {} : (await api.call('images', {}, { references: builds.map(reference) })).images
  const wanted = builds.filter((entry) => forced || entry[1].pull_policy === 'build' || !known[reference(entry)])
  if (wanted.length === 0) return {}
  const { sendContext } = await import('../build-context.ts')
  const contexts: Record<string, string> = {}
  for (const [name, service] of wanted) {
    const id = await sendContext(api, name, service.build!)
    if (id !== undefined) contexts[name] = id
  }
  return contexts
}

async function credentials(references: readonly string[]): Promise<NonNullable<UpRequestInput['registryAuth']>> {
  const { credentialsFor } = await import('../registry-credentials.ts')
  return credentialsFor(references)
}
