/** What one container is made of, and what follows its create call before it may start. */
import { pack } from 'tar-stream'
import { Problem } from '../../../protocol/problems.ts'
import { withApiSocket } from '../../../protocol/stackfile/api-socket.ts'
import type { BundleStore } from '../../build/bundle-store.ts'
import type { Engine } from '../../engine/types.ts'
import type { ActionBody } from '../../stack/actions.ts'
import { COMPOSE_VERSION, OURS } from '../../stack/labels.ts'
import { type ContainerInput, type ContainerPlan, containerCreate } from '../../stack/mapping/container.ts'
import { networksFor } from '../../stack/release.ts'
import type { RevisionRow } from '../../store/revisions.ts'
import { ourLabels } from '../our-labels.ts'
import type { Performance, Setting } from '../performance.ts'
import type { Collaborators } from '../run-context.ts'
import { isStatus } from './engine-answers.ts'

/** The create call of a replica, from its revision, pinned to the image that the revision has. */
export async function containerPlan(
  { context, with: { engine, store, files, bundles, secrets }, signal }: Setting,
  body: Pick<Extract<ActionBody, { kind: 'create-container' }>, 'service' | 'replica' | 'name' | 'carriedVolumes'>,
): Promise<ContainerPlan> {
  const service = context.desired.services[body.service]!
  const revision = context.revisionOf(body.service)
  const image = await context.images.inspect(service.image.id ?? service.image.reference, signal)
  if (image === undefined) {
    throw new Problem('image-missing', `image ${service.image.reference} of service ${body.service} is not there`, {
      hint: 'bring the stack up again to pull or build it',
    })
  }
  // The language of Compose is loaded when first needed.
  const { composeHash } = await import('../../stack/mapping/compose-hash.ts')
  const containers = (name: string) => context.containerId(name, 1)
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
      ...(service.release !== undefined && { [OURS.release]: String(service.release) }),
    },
    compose: {
      workingDir: revision.source.workingDir,
      configFiles: revision.source.configFiles,
      environmentFiles: revision.source.environmentFiles,
      configHash: composeHash(revision.model.services[body.service]!, containers),
      version: COMPOSE_VERSION,
      proxy: revision.source.proxy,
    },
    containers,
    carriedVolumes: body.carriedVolumes,
    networksFor: (name) => networksFor(name, service),
    ingressPorts: service.routing?.ports.map(({ port }) => port) ?? [],
    fileSource: fileSourceOf(revision, { engine, files, secrets }),
    secretValue: secretValueOf(revision, secrets),
    bundleAt: bundleAt(revision, bundles),
  })
}

/** Where the content of a config or secret of a revision comes from. */
export function fileSourceOf(
  revision: RevisionRow,
  { engine, files, secrets }: Pick<Collaborators, 'engine' | 'files' | 'secrets'>,
): ContainerInput['fileSource'] {
  return (kind, name) => {
    const own = kind === 'secret' ? revision.model.secrets?.[name] : undefined
    if (own?.external === true) {
      mustBeLocal(engine)
      return { hostPath: secrets.pathOf(revision.stack, own.name ?? name) }
    }
    const file = revision.files.find((candidate) => candidate.kind === kind && candidate.name === name)
    if (file === undefined) throw new Problem('conflict', `the content of ${kind} ${name} was not sent`)
    const bindable = file.delivery === 'file' && engine.address.startsWith('unix:')
    return bindable ? { hostPath: files.pathOf(file.digest) } : { content: files.read(file.digest) }
  }
}

/** Of those that the daemon keeps; the language lets no other be a variable. */
export function secretValueOf(
  { stack, model }: RevisionRow,
  vault: Collaborators['secrets'],
): ContainerInput['secretValue'] {
  return (name) => vault.valueOf(stack, model.secrets?.[name]?.name ?? name)
}

function mustBeLocal({ address }: Pick<Engine, 'address'>): void {
  if (address.startsWith('unix:')) return
  throw new Problem('unsupported', 'secrets of the daemon are given out only where it runs beside its Engine', {
    hint: 'give the secret as a file or from the environment',
  })
}

/** Where the files are that came with a revision for a path that it binds. */
export function bundleAt(revision: RevisionRow, bundles: BundleStore): ContainerInput['bundleAt'] {
  return (path) => {
    const file = revision.files.find(({ kind, name }) => kind === 'bundle' && name === path)
    return file && bundles.pathOf({ id: file.digest, kind: file.delivery === 'folder' ? 'folder' : 'file' })
  }
}

/** Further networks and inline files. Doing it twice does no harm. */
export async function complete(
  plan: ContainerPlan,
  id: string,
  { with: { engine }, signal }: { readonly with: Pick<Collaborators, 'engine'>; readonly signal: AbortSignal },
): Promise<void> {
  for (const { networkName, endpoint } of plan.connectAfterCreate) {
    await engine.networks.connect(networkName, id, endpoint, { signal }).catch((error: unknown) => {
      if (!isStatus(error, 403) && !/already exists/i.test(String(error))) throw error
    })
  }
  if (plan.filesAfterCreate.length > 0) {
    // Owners stand in the tar. `copyUIDGID` would give the files to the container's user, and ask the image for it.
    await engine.containers.putArchive(id, { path: '/' }, await tarOf(plan.filesAfterCreate), { signal })
  }
}

/**
 * Before the first start of a container that an earlier run made: that run may have ended between the create call and
 * what follows it, and nothing of that shows in a list.
 */
export async function completeBeforeStart(performance: Performance<'start-container'>, id: string): Promise<void> {
  const { body, context } = performance
  if (context.container(id)?.state !== 'created') return
  const service = context.revisionOf(body.service).model.services[body.service]
  const spec = service === undefined ? undefined : withApiSocket(service)
  const hasMore =
    (context.desired.services[body.service]?.networks ?? []).length > 1 ||
    [...(spec?.configs ?? []), ...(spec?.secrets ?? [])].length > 0
  if (!hasMore) return
  const name = context.container(id)!.name
  const plan = await containerPlan(performance, {
    service: body.service,
    replica: body.replica,
    name,
    carriedVolumes: {},
  })
  await complete(plan, id, performance)
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
