/** What cases stand on and what they leave behind. All names begin with `ektest-`. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from '../../../daemon/engine/types.ts'
import { Problem } from '../../../protocol/problems.ts'

/** Programs that stand for providers and for Docker's Model plugin. */
const PROGRAMS = join(import.meta.dirname, '../../fixtures/programs')

/** Of whoever runs the tests: the Compose plugin may lie there. */
const OWN_DOCKER_CONFIG = process.env.DOCKER_CONFIG ?? join(homedir(), '.docker')

export class Ground {
  /** Unique to this run on this machine. */
  readonly prefix = `ektest-par${process.pid.toString(36)}`
  /** Name of a network, a volume and a container that cases may call external. */
  readonly shared = `${this.prefix}-shared`
  readonly #folder = join(tmpdir(), this.prefix)
  readonly #engine: Engine
  readonly #url: string

  constructor(engine: Engine, url: string) {
    this.#engine = engine
    this.#url = url
  }

  async prepare(): Promise<void> {
    const { shared } = this
    this.#writeDockerConfig()
    await this.#engine.networks.create({ Name: shared, Driver: 'bridge' })
    await this.#engine.volumes.create({ Name: shared })
    const HostConfig = { NetworkMode: 'none', Binds: [`${shared}:/shared`], IpcMode: 'shareable' }
    await this.#engine.containers.create({ name: shared }, { Image: 'ek-lab/sleep:1', HostConfig })
  }

  /** All that either side sees of the environment; the folder that bind mounts use is its own for each project. */
  environmentFor(project: string): Record<string, string> {
    const scratch = join(this.#folder, project)
    mkdirSync(join(scratch, 'data'), { recursive: true })
    writeFileSync(join(scratch, 'file'), 'a file\n')
    const passed = ['HOME', 'DOCKER_TLS_VERIFY']
    const own = Object.entries(process.env).filter((entry): entry is [string, string] => passed.includes(entry[0]))
    return {
      ...Object.fromEntries(own),
      DOCKER_CERT_PATH: process.env.DOCKER_CERT_PATH ?? OWN_DOCKER_CONFIG,
      DOCKER_CONFIG: this.#dockerConfig,
      PATH: `${join(PROGRAMS, 'bin')}:${process.env.PATH}`,
      DOCKER_HOST: this.#url,
      COMPOSE_PROFILES: 'parity',
      SHARED: this.shared,
      SCRATCH: scratch,
      ...PARITY_VARIABLES,
    }
  }

  get #dockerConfig(): string {
    return join(this.#folder, 'docker')
  }

  /** Somebody who has logged in, and has a plugin for models. Ours reads it by the process's own variable. */
  #writeDockerConfig(): void {
    mkdirSync(this.#dockerConfig, { recursive: true })
    const config = {
      auths: {
        'registry.test': { auth: Buffer.from('user:word').toString('base64') },
        'a.test': { identitytoken: 't' },
      },
      cliPluginsExtraDirs: [join(PROGRAMS, 'plugins'), join(OWN_DOCKER_CONFIG, 'cli-plugins')],
    }
    writeFileSync(join(this.#dockerConfig, 'config.json'), JSON.stringify(config))
    process.env.DOCKER_CONFIG = this.#dockerConfig
  }

  async removeProject(project: string): Promise<void> {
    await this.#remove({ label: [`com.docker.compose.project=${project}`] })
    rmSync(join(this.#folder, project), { recursive: true, force: true })
  }

  /** Also what a failure left, and what runs left that were killed. */
  async removeAll(): Promise<void> {
    for (const prefix of await this.#leftPrefixes()) await this.#remove({ name: [`${prefix}-`] })
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #leftPrefixes(): Promise<Set<string>> {
    const filters = { name: ['ektest-par'] }
    const [containers, networks, volumes] = await Promise.all([
      this.#engine.containers.list({ all: true, filters }),
      this.#engine.networks.list({ filters }),
      this.#engine.volumes.list({ filters }),
    ])
    const names = [...containers.flatMap(({ Names }) => Names), ...[...networks, ...volumes].map(({ Name }) => Name)]
    const prefixes = names.flatMap((name) => /ektest-par[0-9a-z]+(?=-)/.exec(name) ?? [])
    return new Set(prefixes.filter((prefix) => prefix === this.prefix || !isRunning(prefix)))
  }

  async #remove(filters: Record<string, string[]>): Promise<void> {
    const { containers, networks, volumes } = this.#engine
    const gone = (error: unknown) => {
      if (!(error instanceof Problem) || error.engine?.status !== 404) throw error
    }
    for (const { Id } of await containers.list({ all: true, filters })) {
      await containers.remove(Id, { force: true, volumes: 'anonymous' }).catch(gone)
    }
    for (const { Id } of await networks.list({ filters })) await networks.remove(Id).catch(gone)
    for (const { Name } of await volumes.list({ filters })) await volumes.remove(Name, { force: true }).catch(gone)
  }
}

function isRunning(prefix: string): boolean {
  try {
    return process.kill(Number.parseInt(prefix.slice('ektest-par'.length), 36), 0)
  } catch {
    return false // no such process
  }
}

/** Variables that cases use. The client takes those of secrets from its own process, so they are set there too. */
export const PARITY_VARIABLES = { PARITY_WORD: 'from the shell', PARITY_SECRET: 'a secret of the shell' }
