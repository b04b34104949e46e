/** What a job on images carries: the images' part of the model, credentials, and the contexts of what is built. */
import { builtServices } from '../../protocol/build.ts'
import type { BuildRequestInput, PullRequest } from '../../protocol/resources/job.ts'
import type { LoadedStack } from '../../protocol/stackfile/load.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import type { Api } from '../api.ts'
import { imagesRequestOf } from '../stack-source.ts'
import { credentials, type Entry, sendContexts } from './prepare-up.ts'

type Carried = Pick<BuildRequestInput, 'model' | 'source' | 'registryAuth'>

export async function prepareTransfer(loaded: LoadedStack): Promise<Carried & Pick<PullRequest, 'model'>> {
  const { model, source } = imagesRequestOf(loaded, [])
  const images = Object.values(model.services).flatMap((service) => [
    ...(service.image === undefined ? [] : [service.image]),
    ...(service.build?.tags ?? []),
  ])
  return { model, source, registryAuth: await credentials(images, []) }
}

/** `builds`: what will be built (see {@link buildsOf}). `pushed`: whether they go to their registries then. */
export async function prepareBuild(
  api: Api,
  loaded: LoadedStack,
  builds: readonly Entry[],
  pushed: boolean,
): Promise<Carried & Pick<BuildRequestInput, 'files' | 'contexts'>> {
  const request = imagesRequestOf(
    loaded,
    builds.map(([name]) => name),
  )
  const names = pushed
    ? builds.flatMap(([, { image, build }]) => [...(image === undefined ? [] : [image]), ...(build?.tags ?? [])])
    : []
  const [contexts, registryAuth] = await Promise.all([sendContexts(api, builds), credentials(names, builds)])
  return { ...request, contexts, registryAuth }
}

/** Services with a `build` section: the named ones (none: all), what they depend on where asked for, and what their builds take. */
export function buildsOf(model: Model, named: readonly string[], dependencies: 'include' | 'ignore'): Entry[] {
  const wanted = new Set(named.length === 0 ? Object.keys(model.services) : named)
  // A set grows while it is walked: what is added is looked at as well.
  if (dependencies === 'include') {
    for (const name of wanted)
      for (const other of Object.keys(model.services[name]?.depends_on ?? {})) wanted.add(other)
  }
  return builtServices(model.services, wanted).map((name) => [name, model.services[name]!])
}
