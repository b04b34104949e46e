/** Our half: the stack as our loader reads it and our mapping sends it, without the planner in between. */
import { pack } from 'tar-stream'
import { nodeFiles, requestOf } from '../../../client/stack-source.ts'
import type { Engine } from '../../../daemon/engine/types.ts'
import { dependencyOrder } from '../../../daemon/stack/dependencies.ts'
import { declaredReplicas } from '../../../daemon/stack/desired.ts'
import { COMPOSE_VERSION } from '../../../daemon/stack/labels.ts'
import { type ContainerInput, type ContainerPlan, containerCreate } from '../../../daemon/stack/mapping/container.ts'
import { networkCreate } from '../../../daemon/stack/mapping/network.ts'
import { volumeCreate } from '../../../daemon/stack/mapping/volume.ts'
import { Problem } from '../../../protocol/problems.ts'
import { type LoadedStack, loadStack } from '../../../protocol/stackfile/load.ts'
import type { Case } from './cases.ts'
import { CASES_FOLDER } from './cases.ts'

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
  const loaded = loadStack({
    files: [testCase.file],
    projectName: project,
    profiles: [],
    environment,
    source: nodeFiles,
    cwd: CASES_FOLDER,
  })
  const { model } = loaded
  const fileSource = fileSourceOf(loaded)
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
    const spec = model.services[service]!
    const reference = spec.image ?? `${project}-${service}`
    const inspect = await engine.images.inspect(reference)
    if (inspect === undefined) throw new Problem('image-missing', `image ${reference} is not there`)
    for (let replica = 1; replica <= declaredReplicas(model, service); replica += 1) {
      const input: ContainerInput = {
        model,
        service,
        replica,
        containerName: spec.container_name ?? `${project}-${service}-${replica}`,
        image: { reference, id: inspect.Id, inspect },
        apiVersion,
        labels: {},
        compose: {
          workingDir: loaded.workingDir,
          configFiles: loaded.configFiles,
          environmentFiles: loaded.environmentFiles,
          configHash: '',
          version: COMPOSE_VERSION,
        },
        containers: (name) => first.get(name),
        carriedVolumes: {},
        fileSource,
      }
      const id = await perform(engine, containerCreate(input))
      if (replica === 1) first.set(service, id)
      if (testCase.files.length > 0) await engine.containers.start(id)
    }
  }
}

/** As daemon/reconcile/perform/create-container.ts does it. */
async function perform(engine: Engine, plan: ContainerPlan): Promise<string> {
  const { Id } = await engine.containers.create(plan.query, plan.body)
  for (const { networkName, endpoint } of plan.connectAfterCreate) {
    await engine.networks.connect(networkName, Id, endpoint)
  }
  if (plan.filesAfterCreate.length > 0) {
    const tar = pack()
    for (const { path, content, mode, uid, gid } of plan.filesAfterCreate) {
      tar.entry({ name: path.replace(/^\/+/, ''), mode, uid, gid }, content)
    }
    tar.finalize()
    await engine.containers.putArchive(Id, { path: '/', copyUidGid: true }, await bytesOf(tar))
  }
  return Id
}

/** From the client's request; but a file is mounted where it lies, not from the daemon's copy of it. */
function fileSourceOf(loaded: LoadedStack): ContainerInput['fileSource'] {
  const { files } = requestOf(loaded)
  return (kind, name) => {
    const file = files.find((candidate) => candidate.kind === kind && candidate.name === name)!
    const objects = kind === 'config' ? loaded.model.configs : loaded.model.secrets
    return file.delivery === 'file'
      ? { hostPath: objects![name]!.file! }
      : { content: Buffer.from(file.base64, 'base64') }
  }
}

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
