/** What a job on images carries: the images' part of the model, credentials, and the contexts of what is built. */
import { builtServices } from '../../protocol/build.ts'
import type { BuildRequestInput, PullRequest } from '../../protocol/resources/job.ts'
import type { LoadedStack } from '../../protocol/stackfile/load.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import type { Api } from '../api.ts'
import { imagesRequestOf } from '../stack-source.ts'
import { type Agent, credentials, type Entry, lendAgents, sendContexts, sourceWithProxy } from './prepare-up.ts'

type Carried = Pick<BuildRequestInput, 'model' | 'source' | 'registryAuth'>

export async function prepareTransfer(loaded: LoadedStack): Promise<Carried & Pick<PullRequest, 'model'>> {
  const { model, source } = imagesRequestOf(loaded, [])
  const images = Object.values(model.services).flatMap((service) => [
    ...(service.image === undefined ? [] : [service.image]),
    ...(service.build?.tags ?? []),
  ])
  return { model, source, registryAuth: await credentials(images, []) }
}

/**
 * `builds`: what will be built (see {@link buildsOf}). `pushed`: whether they go to their registries then. `ssh`: agents for
 * each of them, beside those of the file.
 */
export async function prepareBuild(
  api: Api,
  loaded: LoadedStack,
  builds: readonly Entry[],
  { pushed, ssh: agents }: { readonly pushed: boolean; readonly ssh: readonly Agent[] },
): Promise<Carried & Pick<BuildRequestInput, 'files' | 'contexts' | 'ssh'>> {
  const request = imagesRequestOf(
    loaded,
    builds.map(([name]) => name),
  )
  const names = pushed
    ? builds.flatMap(([, { image, build }]) => [...(image === undefined ? [] : [image]), ...(build?.tags ?? [])])
    : []
  const [contexts, registryAuth, ssh, source] = await Promise.all([
    sendContexts(api, builds),
    credentials(names, builds),
    lendAgents(api, builds, agents),
    sourceWithProxy(api, request.source),
  ])
  return { ...request, source, contexts, registryAuth, ...(ssh === undefined ? {} : { ssh }) }
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
