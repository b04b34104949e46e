/**
 * Labels identify what is ours; names are cosmetic. The Engine cannot change a container's labels later, so they hold
 * only what is fixed at creation.
 */
export const OURS = {
  /** Id of the daemon (its state folder) that made it. */
  instance: 'dev.evenkeel.instance',
  stack: 'dev.evenkeel.stack',
  service: 'dev.evenkeel.service',
  replica: 'dev.evenkeel.replica',
  revision: 'dev.evenkeel.revision',
  /** Hash of everything that needs a new container when it changes. */
  spec: 'dev.evenkeel.spec',
  /** The service's recreate counter at creation: `--force-recreate` raises it. */
  recreate: 'dev.evenkeel.recreate',
  /** The service's restart counter at creation: an older `restart` does not concern it. */
  restart: 'dev.evenkeel.restart',
  /** The release on whose networks it was made; without it, on those of the file. On a network: whose it is. */
  release: 'dev.evenkeel.release',
} as const

/** Compose's own labels, so that every tool of that ecosystem sees our stacks. Case of values matters (`True`). */
export const COMPOSE = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  number: 'com.docker.compose.container-number',
  oneOff: 'com.docker.compose.oneoff',
  slug: 'com.docker.compose.slug',
  configHash: 'com.docker.compose.config-hash',
  network: 'com.docker.compose.network',
  volume: 'com.docker.compose.volume',
  version: 'com.docker.compose.version',
} as const

/** The version that we write into Compose's version label: the release whose labels and names we follow. */
export const COMPOSE_VERSION = '2.40.3'
