/**
 * What of a stack is no container and is made ready from here before it is sent: providers and models. What they answer
 * becomes variables of the services that use them.
 */
import { Problem } from '../../protocol/problems.ts'
import type { LoadedStack } from '../../protocol/stackfile/load.ts'
import type { AiModel, Model, Provider, Service } from '../../protocol/stackfile/model.ts'
import { modelVariables, providerPrefix, withVariables } from '../../protocol/stackfile/service-variables.ts'
import type { Api } from '../api.ts'
import { makeModelsReady } from './models.ts'
import { type ProviderSetting, runProvider } from './provider.ts'

/** `preview`: nothing is run. What is not run counts as it was when the stack was last brought up. */
export type Programs = 'run' | 'preview'

export interface Preparation {
  readonly api: Api
  readonly say: ProviderSetting['say']
}

type Variables = Readonly<Record<string, string>>

/** `scope`: the services that the request is about. */
export async function withPrograms(
  { api, say }: Preparation,
  { model, environment }: LoadedStack,
  scope: ReadonlySet<string>,
  programs: Programs,
): Promise<Model> {
  const providers = providersOf(model)
  const users = Object.entries(model.services).filter(([, { models }]) => models !== undefined)
  if (providers.size === 0 && users.length === 0) return model
  const isRun = (service: string) => programs === 'run' && scope.has(service)
  const before = await currentModel(api, model.name)
  const variables = new Map<string, Variables>()
  const give = (service: string, more: Variables) => variables.set(service, { ...variables.get(service), ...more })

  const running = new Map([...providers].filter(([name]) => isRun(name)))
  const setting = { project: model.name, environment, cwd: process.cwd(), say }
  const answers = await inOrder(
    running,
    (name) => dependenciesOf(model, name),
    (name, provider) => runProvider('up', name, provider, setting),
  )
  for (const name of providers.keys()) {
    const prefix = providerPrefix(name)
    for (const [dependent, service] of Object.entries(model.services)) {
      if (service.depends_on?.[name] === undefined) continue
      const answer = answers.get(name)
      if (answer === undefined)
        give(
          dependent,
          known(before, dependent, service, (variable) => variable.startsWith(prefix)),
        )
      else give(dependent, Object.fromEntries(Object.entries(answer).map(([key, value]) => [prefix + key, value])))
    }
  }

  const modelled = users.filter(([name]) => isRun(name))
  const endpoint = modelled.length === 0 ? '' : await readyEndpoint({ api, say }, model, modelled, environment)
  for (const [name, service] of users) {
    for (const [key, given] of Object.entries(service.models ?? {})) {
      const names = modelVariables(key, given)
      if (isRun(name)) give(name, { [names.model]: model.models?.[key]?.model ?? '', [names.endpoint]: endpoint })
      else
        give(
          name,
          known(before, name, service, (variable) => Object.values(names).includes(variable)),
        )
    }
  }
  return withVariables(model, variables)
}

/** After the stack is down, in the reverse order: what was made for it goes. */
export async function releaseProviders(
  model: Model,
  named: readonly string[],
  setting: ProviderSetting,
): Promise<void> {
  const wanted = new Map([...providersOf(model)].filter(([name]) => named.length === 0 || named.includes(name)))
  const dependents = (name: string) => [...wanted.keys()].filter((other) => dependenciesOf(model, other).includes(name))
  await inOrder(wanted, dependents, (name, provider) => runProvider('down', name, provider, setting))
}

export function providersOf(model: Model): ReadonlyMap<string, Provider> {
  return new Map(
    Object.entries(model.services).flatMap(([name, { provider }]) =>
      provider === undefined ? [] : [[name, provider]],
    ),
  )
}

const dependenciesOf = (model: Model, name: string): string[] => Object.keys(model.services[name]?.depends_on ?? {})

/** Each when those that go before it are done, the others beside each other. */
async function inOrder<T>(
  providers: ReadonlyMap<string, Provider>,
  before: (name: string) => readonly string[],
  run: (name: string, provider: Provider) => Promise<T>,
): Promise<ReadonlyMap<string, T>> {
  const started = new Map<string, Promise<T>>()
  const start = (name: string): Promise<unknown> => {
    const provider = providers.get(name)
    if (provider === undefined) return Promise.resolve()
    const already = started.get(name)
    if (already !== undefined) return already
    const work = Promise.all(before(name).map(start)).then(() => run(name, provider))
    started.set(name, work)
    return work
  }
  await Promise.all([...providers.keys()].map(start))
  return new Map(await Promise.all([...started].map(async ([name, answer]) => [name, await answer] as const)))
}

/** They are served beside the Engine, which the plugin of this machine is to reach. */
async function readyEndpoint(
  { api, say }: Preparation,
  model: Model,
  users: readonly (readonly [string, Service])[],
  environment: Variables,
): Promise<string> {
  if (api.address.way.kind !== 'unix') {
    throw new Problem(
      'unsupported',
      'models: Docker Model Runner serves them beside the Engine, which is not on this machine',
      {
        hint: 'run this command on the machine of the daemon, or give the address of a model in `environment`',
      },
    )
  }
  const used = new Set(users.flatMap(([, { models }]) => Object.keys(models ?? {})))
  const models = Object.entries(model.models ?? {}).filter(([key]) => used.has(key))
  const { engine } = await api.call('info')
  return makeModelsReady(Object.fromEntries<AiModel>(models), {
    environment: { ...environment, DOCKER_HOST: engine.address },
    say,
  })
}

/** What the service has from the last time and the file does not say. */
function known(
  before: Model | undefined,
  name: string,
  { environment = {} }: Service,
  isWanted: (variable: string) => boolean,
): Variables {
  const entries = Object.entries(before?.services[name]?.environment ?? {})
  return Object.fromEntries(
    entries.filter(
      (entry): entry is [string, string] =>
        entry[1] !== null && isWanted(entry[0]) && environment[entry[0]] === undefined,
    ),
  )
}

/** Undefined where there is none yet, or none that this caller may read. */
async function currentModel(api: Api, stack: string): Promise<Model | undefined> {
  try {
    return await api.call('model', { stack })
  } catch (error) {
    if (error instanceof Problem && (error.code === 'stack-not-found' || error.code === 'forbidden')) return undefined
    throw error
  }
}
