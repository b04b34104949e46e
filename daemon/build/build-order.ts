/** What is to be built, with all that it needs: nothing of it is looked up elsewhere. */
import { type ProxySettings, proxyArguments } from '../../protocol/proxy.ts'
import type { Build } from '../../protocol/stackfile/model.ts'
import type { RegistryAuth } from '../engine/types.ts'
import type { SshAgent } from './ssh-loans.ts'
import type { BuildOutput } from './transcript.ts'

/** Compose's rule: what the file or the request says of a proxy wins. */
export function withProxy(build: Build, proxy: ProxySettings | undefined): Build {
  const given = proxyArguments(proxy)
  return Object.keys(given).length === 0 ? build : { ...build, args: { ...given, ...build.args } }
}

export interface BuildOrder {
  readonly stack: string
  readonly service: string
  readonly build: Build
  /** The name that the image gets, beside `build.tags`. */
  readonly imageName: string
  readonly platform: string | undefined
  /** An uploaded context. Undefined: the Engine fetches `build.context` itself, which must be a URL then. */
  readonly contextId: string | undefined
  /** Uploaded contexts of `build.additional_contexts`, by name. */
  readonly additionalContextIds: Readonly<Record<string, string>>
  readonly registryAuth: Readonly<Record<string, RegistryAuth>>
  /** Values of `build.secrets` by id. Read when a step asks. */
  readonly secrets: ReadonlyMap<string, () => Buffer>
  /** SSH agents by id. */
  readonly agents: ReadonlyMap<string, SshAgent>
  /** The image of another service of the stack: `additional_contexts` with `service:`. */
  readonly imageOf: (service: string) => string
  /** Limit of the classic builder's containers. */
  readonly memoryBytes?: number | undefined
  /** Takes all that the build writes; without it only the last lines are kept, for an error. */
  readonly output?: BuildOutput | undefined
}
