/** What an administrator may say about the strict policy, and how it says no. */

export interface PolicyRules {
  /** Folders whose content may be bound. */
  readonly bindRoots: readonly string[]
  /** Paths that nobody binds, nor anything above or below them: sockets and state of Engine and daemon. */
  readonly forbiddenPaths: readonly string[]
  /** Folders from which the daemon itself mounts configs and secrets. */
  readonly delivery: readonly string[]
  /** Host ports that may be published. */
  readonly hostPorts: { readonly from: number; readonly to: number }
  /** Patterns of image names with their registry, `docker.io/library/*`. */
  readonly images: readonly string[]
  /** Patterns of URLs from which the Engine may fetch what it builds. */
  readonly buildContexts: readonly string[]
  /** Log drivers beyond those that keep logs on the machine. */
  readonly logDrivers: readonly string[]
  /** Patterns of names of networks and volumes that are not the stack's own. */
  readonly externals: readonly string[]
}

/** `path`: the key. */
export type Refuse = (path: string, rule: string, message: string) => void
