/** What it takes to make one container: the Engine's create call, and what follows it. */
import type { ProxySettings } from '../../../protocol/proxy.ts'
import type { TerminalSize } from '../../../protocol/session.ts'
import type { Model } from '../../../protocol/stackfile/model.ts'
import type { ContainerCreateBody, EndpointSettings, ImageInspect } from '../../engine/types.ts'

export interface ContainerInput {
  readonly model: Model
  readonly service: string
  readonly replica: number
  /** The name to create it under; its network alias is the final one, whatever this says. */
  readonly containerName: string
  readonly image: { readonly reference: string; readonly id: string; readonly inspect: ImageInspect }
  /** The negotiated one. What it lacks is refused, never left out. */
  readonly apiVersion: string
  /** Ours. They win over the file's. */
  readonly labels: Readonly<Record<string, string>>
  readonly compose: {
    readonly workingDir: string
    readonly configFiles: readonly string[]
    readonly environmentFiles: readonly string[]
    readonly configHash: string
    readonly version: string
    /** Not part of the hash, as for Compose: other settings make no container anew. */
    readonly proxy?: ProxySettings | undefined
  }
  /** Id of the first container of another service, for shared namespaces and volumes. */
  readonly containers: (service: string) => string | undefined
  /** Names on the Engine in the place of a network of the file, the first of them the main one; else that one itself. */
  readonly networksFor?: (name: string) => readonly string[]
  /** Host ports (TCP) that the ingress serves: the Engine is not to. */
  readonly ingressPorts?: readonly number[]
  /** Anonymous volumes of the predecessor by mount target. */
  readonly carriedVolumes: Readonly<Record<string, string>>
  /** Set for a one-off container (`run`): it is no replica, and nobody finds it by the service's name unless wanted. */
  readonly oneOff?: OneOff
  /** Where what a client sent of a path that the model binds is; undefined: the path is one of this machine. */
  readonly bundleAt: (path: string) => string | undefined
  readonly fileSource: (
    kind: 'config' | 'secret',
    name: string,
  ) => { readonly hostPath: string } | { readonly content: Buffer }
  /** The value of a secret that the daemon keeps, by its key under `secrets`. */
  readonly secretValue: (name: string) => Buffer
}

export interface OneOff {
  /** 64 hex digits; the name ends in the first twelve. */
  readonly slug: string
  readonly aliases: 'none' | 'service'
  /** The Engine removes it once it has ended. */
  readonly remove: boolean
  /** Of its terminal, where it has one. Engines below API 1.42 pass it over. */
  readonly size?: TerminalSize | undefined
}

export interface FileToCopy {
  /** Absolute, in the container. */
  readonly path: string
  readonly content: Buffer
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

export interface ContainerPlan {
  readonly query: { readonly name: string; readonly platform?: string }
  readonly body: ContainerCreateBody
  /** Further networks, where the Engine takes only one at creation (API below 1.44). */
  readonly connectAfterCreate: readonly { readonly networkName: string; readonly endpoint: EndpointSettings }[]
  readonly filesAfterCreate: readonly FileToCopy[]
  readonly warnings: readonly string[]
}
