/** The images that a build may fetch, read from its Dockerfile: the daemon needs credentials for their registries. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { contextSource } from '../protocol/build.ts'
import type { Build } from '../protocol/stackfile/model.ts'

/** References as they stand; one that only the build itself can work out is left out. */
export function imagesOfBuild(build: Build): string[] {
  const text = dockerfileText(build)
  const named = Object.values(build.additional_contexts ?? {}).flatMap((value) => {
    const source = contextSource(value)
    return source.kind === 'image' ? [source.reference] : []
  })
  const caches = [...(build.cache_from ?? []), ...(build.cache_to ?? [])].flatMap((entry) => {
    const reference = entry.includes('=') ? /(?:^|,)ref=([^,]+)/.exec(entry)?.[1] : entry
    return reference === undefined ? [] : [reference]
  })
  const syntax = build.args?.BUILDKIT_SYNTAX
  return [
    ...new Set([
      ...(text === undefined ? [] : imagesInDockerfile(text, build.args ?? {})),
      ...named,
      ...caches,
      ...(typeof syntax === 'string' ? [syntax.split(' ', 1)[0]!] : []),
    ]),
  ]
}

function dockerfileText(build: Build): string | undefined {
  if (build.dockerfile_inline !== undefined) return build.dockerfile_inline
  const source = contextSource(build.context ?? '.')
  if (source.kind !== 'folder') return undefined
  const path = resolve(source.path, build.dockerfile ?? 'Dockerfile')
  for (const candidate of [path, join(path, '..', 'dockerfile')]) {
    try {
      return readFileSync(candidate, 'utf8')
    } catch {
      // That it is missing is said where the context is sent.
    }
  }
  return undefined
}

export function imagesInDockerfile(text: string, args: Readonly<Record<string, string | null>>): string[] {
  const values: Record<string, string> = {}
  const stages = new Set<string>(['scratch'])
  const found = new Set<string>()
  const add = (raw: string): void => {
    const reference = substituted(raw, values)
    if (
      reference !== '' &&
      !reference.includes('$') &&
      !stages.has(reference.toLowerCase()) &&
      !/^\d+$/.test(reference)
    ) {
      found.add(reference)
    }
  }
  let beforeFirstStage = true
  for (const line of text.replace(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const syntax = /^#\s*syntax\s*=\s*(\S+)/i.exec(line)
    if (syntax !== null) add(syntax[1]!)
    const argument = /^\s*ARG\s+(\w+)(?:=(\S*))?/i.exec(line)
    if (argument !== null && beforeFirstStage) {
      const [, name, fallback = ''] = argument
      values[name!] = args[name!] ?? substituted(fallback.replace(/^(["'])(.*)\1$/, '$2'), values)
    }
    const stage = /^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(line)
    if (stage !== null) {
      beforeFirstStage = false
      add(stage[1]!)
      if (stage[2] !== undefined) stages.add(stage[2].toLowerCase())
    }
    for (const [, from] of line.matchAll(/(?:--from=|--mount=\S*?\bfrom=)([^\s,]+)/g)) add(from!)
  }
  return [...found]
}

/** `$NAME`, `${NAME}`, `${NAME:-fallback}`. */
function substituted(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(
    /\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))/g,
    (whole, braced?: string, fallback?: string, bare?: string) => {
      const value = values[braced ?? bare!]
      return value !== undefined && value !== '' ? value : (fallback ?? whole)
    },
  )
}
