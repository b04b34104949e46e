/** A build context as a tar on this disk, named by the digest of its bytes: sent once, known again later. */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync, readFileSync, statSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import dockerignore from '@balena/dockerignore'
import { pack } from 'tar-fs'
import { INLINE_DOCKERFILE } from '../protocol/build.ts'
import { Problem } from '../protocol/problems.ts'
import type { Build } from '../protocol/stackfile/model.ts'
import type { Api } from './api.ts'

/** Contexts that the Engine fetches by itself. */
export const isRemoteContext = (context: string): boolean => /^(https?|git|ssh):\/\/|^git@|\.git(#|$)/.test(context)

/** Uploads the context of a build. Answers its id, or undefined where the Engine fetches it. */
export async function sendContext(api: Api, service: string, build: Build): Promise<string | undefined> {
  const context = build.context ?? '.'
  if (isRemoteContext(context)) return undefined
  const path = join(tmpdir(), `evenkeel-context-${randomUUID()}.tar`)
  try {
    const { id, bytes } = await writeTar(service, build, context, path)
    await api.upload('putContext', { id }, createReadStream(path), bytes)
    return id
  } finally {
    await rm(path, { force: true })
  }
}

async function writeTar(
  service: string,
  build: Build,
  context: string,
  path: string,
): Promise<{ id: string; bytes: number }> {
  const info = await stat(context).catch(() => undefined)
  if (info?.isDirectory() !== true) {
    throw new Problem('build-failed', `services.${service}.build.context: there is no folder ${context}`, {
      hint: 'correct the path',
    })
  }
  const dockerfile = build.dockerfile ?? 'Dockerfile'
  const inline = build.dockerfile_inline ?? (isAbsolute(dockerfile) ? readFileSync(dockerfile, 'utf8') : undefined)
  const name = relative(context, resolve(context, dockerfile))
  if (inline === undefined && !existsSync(join(context, name))) {
    throw new Problem('build-failed', `services.${service}.build: there is no ${name} in ${context}`, {
      hint: `make it, or name another with services.${service}.build.dockerfile`,
    })
  }
  const ignored = ignoreRules(context, name)
  const tar = pack(context, {
    ignore: (entry) => {
      const inside = relative(context, entry)
      return inside !== '' && inside !== name && inside !== '.dockerignore' && ignored(inside)
    },
    // Owner, group and times of this machine mean nothing in the image, and would change the digest.
    map: (header) => ({ ...header, uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(0) }),
    finalize: inline === undefined,
    ...(inline === undefined
      ? {}
      : {
          finish: (whole: ReturnType<typeof pack>) => {
            whole.entry({ name: INLINE_DOCKERFILE, mtime: new Date(0) }, inline)
            whole.finalize()
          },
        }),
  })
  const hash = createHash('sha256')
  let bytes = 0
  const measure = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length
      hash.update(chunk)
      done(undefined, chunk)
    },
  })
  await pipeline(tar, measure, createWriteStream(path, { mode: 0o600 }))
  return { id: hash.digest('hex'), bytes }
}

/** `NAME.dockerignore` beside the Dockerfile wins over `.dockerignore`, as BuildKit has it. */
function ignoreRules(context: string, dockerfile: string): (path: string) => boolean {
  const file = [`${dockerfile}.dockerignore`, '.dockerignore']
    .map((name) => join(context, name))
    .find((path) => existsSync(path))
  if (file === undefined) return () => false
  const rules = dockerignore.default({ ignorecase: false }).add(readFileSync(file, 'utf8'))
  // A folder may be ignored and hold something that is not (`!keep`): then it is walked, and its files decide.
  const hasExceptions = /^\s*!/m.test(readFileSync(file, 'utf8'))
  return (path) => rules.ignores(path) && !(hasExceptions && isFolder(join(context, path)))
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
