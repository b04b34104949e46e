/** What a daemon listens on and keeps. */
export interface DaemonPlaces {
  readonly socket: string
  readonly listenSockets: readonly { readonly path: string }[]
  readonly state: string
  readonly secretsFolders: readonly string[]
}

/** Who reaches these has the Engine or the daemon, and with either of them the host. */
export function forbiddenPaths(
  { socket, listenSockets, state, secretsFolders }: DaemonPlaces,
  engineAddress: string,
): string[] {
  const engineSocket = engineAddress.startsWith('unix://') ? [engineAddress.slice('unix://'.length)] : []
  return [
    ...new Set([
      '/var/run/docker.sock',
      '/run/containerd/containerd.sock',
      ...engineSocket,
      socket,
      ...listenSockets.map(({ path }) => path),
      state,
      ...secretsFolders,
    ]),
  ]
}
