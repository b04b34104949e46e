/** What a container outside the loop is made of: one of `run`, or one of a deployment's steps. */
import type { Model } from '../../protocol/stackfile/model.ts'
import type { DesiredStack } from '../stack/desired.ts'
import { COMPOSE_VERSION, OURS } from '../stack/labels.ts'
import { type ContainerInput, type ContainerPlan, containerCreate } from '../stack/mapping/container.ts'
import { serviceSpecHash } from '../stack/mapping/spec-hash.ts'
import { networksOfOneOff } from '../stack/release.ts'
import type { RevisionRow } from '../store/revisions.ts'
import { ourLabels } from './our-labels.ts'
import { bundleAt, fileSourceOf, secretValueOf } from './perform/container-plan.ts'
import type { Collaborators } from './run-context.ts'

export interface WantedOneOff extends Pick<ContainerInput, 'service' | 'image' | 'containers'> {
  readonly revision: RevisionRow
  /** The revision's, with the service as the container is to have it. */
  readonly model: Model
  readonly name: string
  /** What its stack is meant to be: which of its networks stand for those of the file. */
  readonly desired: DesiredStack
  readonly oneOff: NonNullable<ContainerInput['oneOff']>
}

export async function oneOffPlan(
  { engine, store, files, bundles, secrets }: Pick<Collaborators, 'engine' | 'store' | 'files' | 'bundles' | 'secrets'>,
  { revision, model, service, name, desired, oneOff, image, containers }: WantedOneOff,
  signal: AbortSignal,
): Promise<ContainerPlan> {
  const { stack, source } = revision
  const release = desired.services[service]?.release
  const fileDigests = Object.fromEntries(revision.files.map((file) => [`${file.kind}:${file.name}`, file.digest]))
  return containerCreate({
    model,
    service,
    replica: 0,
    containerName: name,
    oneOff,
    image,
    apiVersion: (await engine.version({ signal })).negotiated,
    labels: {
      ...ourLabels(store.instance, stack),
      [OURS.service]: service,
      [OURS.revision]: String(revision.number),
      ...(release !== undefined && { [OURS.release]: String(release) }),
    },
    compose: {
      workingDir: source.workingDir,
      configFiles: source.configFiles,
      environmentFiles: source.environmentFiles,
      configHash: serviceSpecHash({ model, service, imageId: image.id, fileDigests }),
      version: COMPOSE_VERSION,
      proxy: source.proxy,
    },
    containers,
    carriedVolumes: {},
    networksFor: (network) => networksOfOneOff(network, service, desired),
    fileSource: fileSourceOf(revision, { engine, files, secrets }),
    secretValue: secretValueOf(revision, secrets),
    bundleAt: bundleAt(revision, bundles),
  })
}
