/** The flags of `build` as the options of its request. */
import { agentOf } from '../../protocol/build.ts'
import { Problem } from '../../protocol/problems.ts'
import type { BuildOptions } from '../../protocol/resources/job.ts'
import { parseSize } from '../../protocol/stackfile/units.ts'

export interface BuildFlags {
  readonly 'build-arg'?: readonly string[] | undefined
  readonly builder?: string | undefined
  readonly check?: boolean | undefined
  readonly memory?: string | undefined
  readonly 'no-cache'?: boolean | undefined
  readonly provenance?: string | undefined
  readonly pull?: boolean | undefined
  readonly push?: boolean | undefined
  readonly sbom?: string | undefined
  readonly 'with-dependencies'?: boolean | undefined
}

export function buildOptionsOf(
  flags: BuildFlags,
  services: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): BuildOptions {
  const { builder, memory, provenance, sbom } = flags
  if (builder !== undefined && builder !== 'default') {
    throw new Problem('unsupported', `no builder "${builder}" found: the Engine builds`, {
      hint: 'leave --builder out, or build with `docker compose build` and push the image',
    })
  }
  return {
    services: [...services],
    dependencies: flags['with-dependencies'] === true ? 'include' : 'ignore',
    args: argumentsOf(flags['build-arg'] ?? [], environment),
    cache: flags['no-cache'] === true ? 'ignore' : 'use',
    bases: flags.pull === true ? 'pull' : 'missing',
    outcome: flags.check === true ? 'check' : 'image',
    images: flags.push === true ? 'push' : 'keep',
    ...(memory === undefined ? {} : { memoryBytes: bytesOf(memory) }),
    ...(provenance === undefined ? {} : { provenance }),
    ...(sbom === undefined ? {} : { sbom }),
  }
}

/** What `--ssh` adds to each build: an id and what stands behind it, as in `build.ssh`. Empty is `default`. */
export function sshOption(text: string): [id: string, paths: string] {
  const [id, paths] = agentOf(text)
  if (id === '' || id === 'default') return ['default', paths]
  if (text.includes('=')) return [id, paths]
  throw new Problem('bad-request', `invalid ssh key "${text}"`, {
    hint: 'write default, or ID=SOCKET, or ID=KEY[,KEY]',
  })
}

/** `NAME=VALUE`; a name alone takes its value from the environment, and has none where that has none. */
function argumentsOf(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | null> {
  return Object.fromEntries(
    words.map((word): [string, string | null] => {
      const at = word.indexOf('=')
      if (at === 0 || word === '') {
        throw new Problem('bad-request', `--build-arg has no name: ${word}`, { hint: 'write NAME=VALUE' })
      }
      return at < 0 ? [word, environment[word] ?? null] : [word.slice(0, at), word.slice(at + 1)]
    }),
  )
}

function bytesOf(text: string): number {
  const bytes = parseSize(text)
  if (bytes === undefined || bytes <= 0) {
    throw new Problem('bad-request', `--memory is no size: ${text}`, { hint: 'write bytes, or 512m, or 2g' })
  }
  return bytes
}
