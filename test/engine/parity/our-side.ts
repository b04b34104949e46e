/**
 * Our half: the stack as our loader reads it, our mapping says it and the daemon's own action sends it; without the
 * planner, the store and the images' stage in between.
 */
import type { Api } from '../../../client/api.ts'
import { apiSocketFiles } from '../../../client/cli/prepare-up.ts'
import { withPrograms } from '../../../client/programs/prepare.ts'
import { nodeFiles, requestOf } from '../../../client/stack-source.ts'
import type { Engine } from '../../../daemon/engine/types.ts'
import { createContainer } from '../../../daemon/reconcile/perform/create-container.ts'
import { dependencyOrder } from '../../../daemon/stack/dependencies.ts'
import { declaredReplicas } from '../../../daemon/stack/desired.ts'
import { networkCreate } from '../../../daemon/stack/mapping/network.ts'
import { volumeCreate } from '../../../daemon/stack/mapping/volume.ts'
import { Problem } from '../../../protocol/problems.ts'
import { type LoadedStack, loadStack } from '../../../protocol/stackfile/load.ts'
import type { Model } from '../../../protocol/stackfile/model.ts'
import { CASES_FOLDER, type Case } from './cases.ts'

/** Undefined where it made the stack, else why it did not. Anything but a Problem is a fault of ours and goes on. */
export async function ourCreate(
  engine: Engine,
  testCase: Case,
  project: string,
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  try {
    await create(engine, testCase, project, environment)
    return undefined
  } catch (error) {
    if (error instanceof Problem) return `${error.code}: ${error.message}`
    throw error
  }
}

async function create(
  engine: Engine,
  testCase: Case,
  project: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const read = loadStack({
    files: [testCase.file],
    projectName: project,
    profiles: [],
    environment,
    source: nodeFiles,
    cwd: CASES_FOLDER,
  })
  const programs = { api: apiOf(engine), say: () => {} }
  const ready = await withPrograms(programs, read, new Set(Object.keys(read.model.services)), 'run')
  const { files: sent = [], ...request } = requestOf({ ...read, model: ready })
  const files = [...sent, ...(await apiSocketFiles(ready))]
  const model = request.model as Model
  const loaded = { ...read, model }
  const apiVersion = (await engine.version()).negotiated
  for (const [key, network] of Object.entries(model.networks ?? {})) {
    if (network.external !== true) await engine.networks.create(networkCreate(model, key, {}, { apiVersion }))
  }
  for (const [key, volume] of Object.entries(model.volumes ?? {})) {
    if (volume.external !== true) await engine.volumes.create(volumeCreate(model, key, {}))
  }
  const first = new Map<string, string>()
  const dependencies = Object.fromEntries(
    Object.entries(model.services).map(([name, service]) => [name, service.depends_on ?? {}]),
  )
  for (const service of dependencyOrder(Object.keys(model.services), dependencies)) {
    for (let replica = 1; replica <= declaredReplicas(model, service); replica += 1) {
      const id = await createReplica({
        engine,
        loaded,
        files,
        service,
        replica,
        containerId: (name) => first.get(name),
      })
      if (replica === 1) first.set(service, id)
      if (testCase.files.length > 0) await engine.containers.start(id)
    }
  }
}

/** As much of the daemon as the programs of the client's side ask for: one that does not know the stack yet. */
function apiOf(engine: Engine): Api {
  const call = async (name: string) => {
    if (name === 'info') return { engine: { address: engine.address } }
    throw new Problem('stack-not-found', 'there is no such stack')
  }
  return { address: { way: { kind: 'unix' } }, call } as unknown as Api
}

/** What the daemon's action asks of a run, from the loaded stack. A file is mounted where it lies, not from our copy. */
async function createReplica(of: {
  readonly engine: Engine
  readonly loaded: LoadedStack
  readonly files: NonNullable<ReturnType<typeof requestOf>['files']>
  readonly service: string
  readonly replica: number
  readonly containerId: (service: string) => string | undefined
}): Promise<string> {
  const { engine, loaded, service, replica } = of
  const { model } = loaded
  const spec = model.services[service]!
  const reference = spec.image ?? `${model.name}-${service}`
  const files = of.files.map((file) => ({ ...file, digest: `${file.kind}:${file.name}` }))
  const networks = Object.keys(spec.networks ?? {}).map((key) => model.networks?.[key]?.name ?? key)
  const made: string[] = []
  const performance = {
    body: {
      service,
      replica,
      name: spec.container_name ?? `${model.name}-${service}-${replica}`,
      carriedVolumes: {},
    },
    context: {
      desired: {
        stack: model.name,
        services: { [service]: { image: { reference }, revision: 1, recreate: 0, restart: 0, volumes: [], networks } },
        // Made before by hand, as Compose makes them.
        volumes: [],
      },
      revisionOf: () => ({ model, files, source: loaded }),
      images: { inspect: (name: string) => engine.images.inspect(name) },
      containerId: of.containerId,
      made: (_service: string, _replica: number, id: string) => made.push(id),
      warn: () => {},
    },
    with: {
      engine,
      store: { instance: 'parity' },
      files: {
        pathOf: (digest: string) => {
          const [kind, name = ''] = digest.split(':')
          return (kind === 'config' ? model.configs : model.secrets)?.[name]?.file
        },
        read: (digest: string) => Buffer.from(files.find((file) => file.digest === digest)?.base64 ?? '', 'base64'),
      },
      // A daemon that keeps none.
      secrets: {
        pathOf: (stack: string, name: string) => {
          throw new Problem('secret-not-found', `stack ${stack} has no secret ${name}`)
        },
      },
    },
    signal: new AbortController().signal,
  }
  await createContainer(performance as unknown as Parameters<typeof createContainer>[0])
  return made[0]!
}
