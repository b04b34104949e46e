import { pack } from 'tar-stream'
import { Problem } from '../../../protocol/problems.ts'
import { COMPOSE_VERSION, OURS } from '../../stack/labels.ts'
import { type ContainerPlan, containerCreate } from '../../stack/mapping/container.ts'
import { ourLabels } from '../our-labels.ts'
import type { Performance } from '../perform.ts'
import { untilGone } from './containers.ts'
import { isStatus } from './engine-answers.ts'

type Create = Performance<'create-container'>

/**
 * Creates a replica's container from its revision, pinned to the image that the revision has. The name tells our own
 * earlier call from a stranger: a container of that name that carries our labels and this very spec is the one we want.
 */
export async function createContainer(performance: Create): Promise<void> {
  const {
    body,
    context,
    with: { engine },
    signal,
  } = performance
  const plan = await mapped(performance)
  for (const warning of plan.warnings) context.warn(warning)
  const id = await createOrTake(performance, plan)
  for (const { networkName, endpoint } of plan.connectAfterCreate) {
    await engine.networks.connect(networkName, id, endpoint, { signal }).catch((error: unknown) => {
      if (!isStatus(error, 403) && !/already exists/i.test(String(error))) throw error
    })
  }
  if (plan.filesAfterCreate.length > 0) {
    await engine.containers.putArchive(id, { path: '/', copyUidGid: true }, await tarOf(plan.filesAfterCreate), {
      signal,
    })
  }
  context.made(body.service, body.replica, id)
}

async function mapped({ body, context, with: { engine, store, files }, signal }: Create): Promise<ContainerPlan> {
  const service = context.desired.services[body.service]!
  const revision = context.revisionOf(body.service)
  const image = await context.images.inspect(service.image.id ?? service.image.reference, signal)
  if (image === undefined) {
    throw new Problem('image-missing', `image ${service.image.reference} of service ${body.service} is not there`, {
      hint: 'bring the stack up again to pull or build it',
    })
  }
  const tagged = await context.images.inspect(service.image.reference, signal)
  return containerCreate({
    model: revision.model,
    service: body.service,
    replica: body.replica,
    containerName: body.name,
    // By name where the name still means that image, as Compose does; by id where the tag has moved since.
    image: { reference: tagged?.Id === image.Id ? service.image.reference : image.Id, id: image.Id, inspect: image },
    apiVersion: (await engine.version()).negotiated,
    labels: {
      ...ourLabels(store.instance, context.desired.stack),
      [OURS.service]: body.service,
      [OURS.replica]: String(body.replica),
      [OURS.revision]: String(service.revision),
      [OURS.spec]: service.specHash ?? '',
      [OURS.recreate]: String(service.recreate),
      [OURS.restart]: String(service.restart),
    },
    compose: {
      workingDir: revision.source.workingDir,
      configFiles: revision.source.configFiles,
      environmentFiles: revision.source.environmentFiles,
      configHash: service.specHash ?? '',
      version: COMPOSE_VERSION,
    },
    containers: (name) => context.containerId(name, 1),
    carriedVolumes: body.carriedVolumes,
    fileSource: (kind, name) => {
      const file = revision.files.find((candidate) => candidate.kind === kind && candidate.name === name)
      if (file === undefined) throw new Problem('conflict', `the content of ${kind} ${name} was not sent`)
      const bindable = file.delivery === 'file' && engine.address.startsWith('unix:')
      return bindable ? { hostPath: files.pathOf(file.digest) } : { content: files.read(file.digest) }
    },
  })
}

async function createOrTake(performance: Create, plan: ContainerPlan): Promise<string> {
  const {
    body,
    context,
    with: { engine, store, clock },
    signal,
  } = performance
  for (let tries = 0; ; tries += 1) {
    try {
      return (await engine.containers.create(plan.query, plan.body, { signal })).Id
    } catch (error) {
      if (!isStatus(error, 409) || !/already in use/i.test(error.message) || tries >= 3) throw error
      const holder = await engine.containers.inspect(body.name, { signal }).catch((missing: unknown) => {
        if (isStatus(missing, 404)) return undefined
        throw missing
      })
      if (holder === undefined) continue
      const labels = holder.Config.Labels
      if (labels[OURS.instance] !== store.instance || labels[OURS.stack] !== context.desired.stack) {
        throw new Problem(
          'conflict',
          `the container name ${body.name} is in use by a container that is not of this stack`,
          {
            hint: `rename or remove it (docker rm ${body.name}), or set services.${body.service}.container_name`,
            engine: error.engine,
            cause: error,
          },
        )
      }
      if (labels[OURS.spec] === plan.body.Labels?.[OURS.spec] && holder.State.Status === 'created') return holder.Id
      if (holder.State.Status !== 'removing' && holder.State.Status !== 'dead') throw error
      await untilGone(engine, clock, holder.Id, signal)
    }
  }
}

async function tarOf(files: ContainerPlan['filesAfterCreate']): Promise<Buffer> {
  const tar = pack()
  for (const file of files) {
    tar.entry({ name: file.path.replace(/^\/+/, ''), mode: file.mode, uid: file.uid, gid: file.gid }, file.content)
  }
  tar.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of tar) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
