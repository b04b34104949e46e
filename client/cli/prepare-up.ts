/** Everything that a request to bring a stack up carries: model, files, credentials, and the contexts of what is built. */
import type { FileContent, UpRequestInput } from '../../protocol/resources/stack.ts'
import type { LoadedStack } from '../../protocol/stackfile/load.ts'
import type { Model, Service } from '../../protocol/stackfile/model.ts'
import type { Api } from '../api.ts'
import type { Programs } from '../programs/prepare.ts'
import type { Context } from './command.ts'

export type UpOptions = NonNullable<UpRequestInput['options']>

/** `programs`: whether providers and models are made ready, or only shown as they were. */
export async function prepareUp(
  { api, output }: Pick<Context, 'api' | 'output'>,
  read: LoadedStack,
  options: UpOptions,
  programs: Programs = 'run',
): Promise<UpRequestInput> {
  const [{ requestOf }, loaded] = await Promise.all([
    import('../stack-source.ts'),
    withProgramsOf({ api, output }, read, options, programs),
  ])
  const { model } = loaded
  const request = requestOf(loaded)
  const services = inScope(model, options)
  const builds = services.filter(([, service]) => service.build !== undefined)
  const pullable = services.filter(([, service]) => service.image !== undefined && options.pull !== 'never')
  const building = builds.length === 0 ? [] : await toBuild(api, model, builds, options)
  const images = pullable.map(([, service]) => service.image!)
  const [contexts, bundles, registryAuth, ssh, source, socketFiles] = await Promise.all([
    sendContexts(api, building),
    boundFiles(api, loaded),
    credentials(images, building),
    lendAgents(api, building),
    sourceWithProxy(api, request.source),
    apiSocketFiles(model),
  ])
  const files = [...(request.files ?? []), ...socketFiles]
  return { ...request, files, source, options, contexts, bundles, registryAuth, ...(ssh === undefined ? {} : { ssh }) }
}

async function withProgramsOf(
  { api, output }: Pick<Context, 'api' | 'output'>,
  loaded: LoadedStack,
  options: UpOptions,
  programs: Programs,
): Promise<LoadedStack> {
  const { services } = loaded.model
  const isPlain = Object.values(services).every(
    ({ provider, models }) => provider === undefined && models === undefined,
  )
  if (isPlain) return loaded
  const [{ withPrograms }, { serviceLine }] = await Promise.all([
    import('../programs/prepare.ts'),
    import('./render/service-line.ts'),
  ])
  const scope = new Set(inScope(loaded.model, options).map(([name]) => name))
  const model = await withPrograms({ api, say: serviceLine(output) }, loaded, scope, programs)
  return { ...loaded, model }
}

/** `use_api_socket` hands on the credentials of this user with the Engine's socket. */
export async function apiSocketFiles(model: Model): Promise<FileContent[]> {
  if (!Object.values(model.services).some(({ use_api_socket }) => use_api_socket === true)) return []
  const [{ allCredentials }, { CREDENTIALS }] = await Promise.all([
    import('../registry-credentials.ts'),
    import('../../protocol/stackfile/api-socket.ts'),
  ])
  const base64 = Buffer.from(await allCredentials()).toString('base64')
  return [{ kind: 'config', name: CREDENTIALS, delivery: 'inline', base64 }]
}

/** What is bound of this machine goes to a daemon on another one. */
async function boundFiles(api: Api, loaded: LoadedStack): Promise<UpRequestInput['bundles']> {
  if (loaded.localBinds.length === 0 || api.address.way.kind === 'unix') return {}
  const { sendBundles } = await import('../bundles.ts')
  return sendBundles(api, loaded)
}

/** What containers and builds are to know of proxies lies in Docker's config.json of this user. */
export async function sourceWithProxy(api: Api, source: UpRequestInput['source']): Promise<UpRequestInput['source']> {
  const { proxySettings } = await import('../docker-config.ts')
  const proxy = await proxySettings(api)
  return proxy === undefined ? source : { ...source, proxy }
}

/** Lends the SSH agents that these builds need, and those of `--ssh` to each, until this command ends. */
export async function lendAgents(
  api: Api,
  builds: readonly Entry[],
  more: readonly Agent[] = [],
): Promise<UpRequestInput['ssh']> {
  const { neededAgents } = await import('../../protocol/build.ts')
  const wanted = builds.flatMap(([service, { build }]) => {
    const agents = new Map([...neededAgents(build!), ...more])
    return [...agents].map(([id, paths]) => ({ service, id, paths }))
  })
  if (wanted.length === 0) return undefined
  const { openAgent } = await import('../ssh/open-agent.ts')
  const opened = new Map(
    wanted.map(({ service, id, paths }) => [
      `${service} ${id}`,
      openAgent(paths, `services.${service}.build.ssh ${id}`, process.env),
    ]),
  )
  const loan = await api.lendAgents(
    (service, id) => opened.get(`${service} ${id}`),
    (message) => process.stderr.write(`WARN ${message}\n`),
  )
  const services = [...new Set(wanted.map(({ service }) => service))]
  return {
    loan,
    agents: Object.fromEntries(
      services.map((name) => [name, wanted.filter(({ service }) => service === name).map(({ id }) => id)]),
    ),
  }
}

/** An SSH agent by its id, and the paths that it stands for. */
export type Agent = readonly [id: string, paths: string]

/** The same stack, whose services that are built and watched are built again, even where their images are there. */
export function builtAnew(loaded: LoadedStack): LoadedStack {
  const services = Object.entries(loaded.model.services).map(([name, service]): Entry => {
    const isWatched = service.build !== undefined && service.develop !== undefined
    return [name, isWatched ? { ...service, pull_policy: 'build' } : service]
  })
  return { ...loaded, model: { ...loaded.model, services: Object.fromEntries(services) } }
}

export type Entry = readonly [string, Service]

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

/** What will be built: because it was asked for, because the image is not there, or because such a build takes it. */
async function toBuild(api: Api, model: Model, builds: readonly Entry[], options: UpOptions): Promise<Entry[]> {
  if (options.build === 'never') return []
  const { servicesInBuild } = await import('../../protocol/build.ts')
  const all = Object.entries(model.services).filter(([, service]) => service.build !== undefined)
  const reference = ([name, service]: Entry) => service.image ?? `${model.name}-${name}`
  const isForced = options.build === 'always' || options.pull === 'build'
  const known = isForced ? {} : (await api.call('images', {}, { references: all.map(reference) })).images
  const isWanted = (entry: Entry) => isForced || entry[1].pull_policy === 'build' || !known[reference(entry)]
  const wanted = new Map(builds.filter(isWanted))
  // A map grows while it is walked: what is added is looked at as well.
  for (const [, service] of wanted) {
    const others = servicesInBuild(service.build)
    for (const entry of all) if (others.includes(entry[0]) && isWanted(entry)) wanted.set(...entry)
  }
  return [...wanted]
}

export async function sendContexts(api: Api, builds: readonly Entry[]): Promise<Record<string, string>> {
  if (builds.length === 0) return {}
  const library = await import('../build-context.ts')
  const contexts: Record<string, string> = {}
  for (const [name, { build }] of builds) Object.assign(contexts, await library.sendContexts(api, name, build!))
  return contexts
}

export async function credentials(
  images: readonly string[],
  builds: readonly Entry[],
): Promise<NonNullable<UpRequestInput['registryAuth']>> {
  if (images.length === 0 && builds.length === 0) return {}
  const [{ credentialsFor }, { imagesOfBuild }] = await Promise.all([
    import('../registry-credentials.ts'),
    import('../build-bases.ts'),
  ])
  return credentialsFor([...images, ...builds.flatMap(([, { build }]) => imagesOfBuild(build!))])
}
