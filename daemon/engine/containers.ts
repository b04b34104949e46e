import { Problem } from '../../protocol/problems.ts'
import { filtersOf } from './filters.ts'
import { hijack } from './hijack.ts'
import { jsonLines } from './json-lines.ts'
import { Relayed } from './relayed.ts'
import { type Answer, type Call, segment, type Transport } from './transport.ts'
import type { ContainerInspect, ContainerSummary, Engine, PathStat, PutArchiveQuery } from './types.ts'

/** A stop answers when the container has stopped: its grace and then some. */
const STOP_MARGIN_MS = 60_000
const DEFAULT_GRACE_SECONDS = 10
const LONG_MS = 10 * 60_000
const TAR = 'application/x-tar'

export function containersOf(http: Transport): Engine['containers'] {
  const at = (id: string) => `/containers/${segment(id)}`
  return {
    list: ({ all, filters }, options) =>
      http.json<ContainerSummary[]>({
        method: 'GET',
        path: '/containers/json',
        query: { all, filters: filtersOf(filters) },
        ...options,
      }),
    inspect: async (id, options) => http.json<ContainerInspect>({ method: 'GET', path: `${at(id)}/json`, ...options }),
    create: ({ name, platform }, body, options) =>
      http.json({ method: 'POST', path: '/containers/create', query: { name, platform }, body, ...options }),
    start: async (id, options) =>
      (await http.status({ method: 'POST', path: `${at(id)}/start`, timeoutMs: LONG_MS, ...options })) !== 304,
    stop: async (id, { graceSeconds, signal }, options) => {
      const query = { t: graceSeconds, signal }
      const timeoutMs =
        graceSeconds === -1 || graceSeconds === undefined ? LONG_MS : graceSeconds * 1000 + STOP_MARGIN_MS
      return (await http.status({ method: 'POST', path: `${at(id)}/stop`, query, timeoutMs, ...options })) !== 304
    },
    kill: async (id, signal, options) => {
      await http.status({ method: 'POST', path: `${at(id)}/kill`, query: { signal }, ...options })
    },
    restart: async (id, { graceSeconds }, options) => {
      const timeoutMs = (graceSeconds ?? DEFAULT_GRACE_SECONDS) * 1000 + LONG_MS
      await http.status({
        method: 'POST',
        path: `${at(id)}/restart`,
        query: { t: graceSeconds },
        timeoutMs,
        ...options,
      })
    },
    pause: async (id, options) => {
      await http.status({ method: 'POST', path: `${at(id)}/pause`, ...options })
    },
    unpause: async (id, options) => {
      await http.status({ method: 'POST', path: `${at(id)}/unpause`, ...options })
    },
    rename: async (id, name, options) => {
      await http.status({ method: 'POST', path: `${at(id)}/rename`, query: { name }, ...options })
    },
    remove: async (id, { force, volumes }, options) => {
      const query = { force, v: volumes === 'anonymous' ? true : undefined }
      await http.status({ method: 'DELETE', path: at(id), query, timeoutMs: LONG_MS, ...options })
    },
    wait: async (id, condition, { onListening, ...options } = {}) => {
      const call: Call = { method: 'POST', path: `${at(id)}/wait`, query: { condition }, kind: 'stream', ...options }
      const answer = await http.send(call)
      // The Engine sends its headers as soon as it listens, and the rest when there is something to tell.
      onListening?.()
      return http.read(call, answer)
    },
    updateRestartPolicy: async (id, policy, options) => {
      await http.status({ method: 'POST', path: `${at(id)}/update`, body: { RestartPolicy: policy }, ...options })
    },
    logs: (id, { follow, stdout = true, stderr = true, since, until, timestamps, tail }, options) => {
      const query = { follow, stdout, stderr, since, until, timestamps, tail }
      return http.bytes({ method: 'GET', path: `${at(id)}/logs`, query, ...options })
    },
    attach: async (id, { tty, stdin, stdout, stderr, logs, detachKeys }, options) => {
      const query = { stream: true, stdin, stdout, stderr, logs, detachKeys }
      return hijack(http, { method: 'POST', path: `${at(id)}/attach`, query, ...options }, { tty })
    },
    resize: async (id, { rows, columns }, options) => {
      await http.status({ method: 'POST', path: `${at(id)}/resize`, query: { h: rows, w: columns }, ...options })
    },
    getArchive: async (id, path, options) => {
      const call: Call = { method: 'GET', path: `${at(id)}/archive`, query: { path }, kind: 'stream', ...options }
      const answer = await http.send(call)
      return { stat: pathStat(answer), tar: new Relayed(answer.body, (error) => http.explain(call, error)) }
    },
    readArchive: async (id, path, options) => {
      const answer = await http.bulk({ method: 'GET', path: `${at(id)}/archive`, query: { path }, ...options })
      return { stat: pathStat(answer), chunks: answer.chunks }
    },
    writeArchive: (id, query, options) =>
      http.bulkUpload({
        method: 'PUT',
        path: `${at(id)}/archive`,
        query: archiveQuery(query),
        contentType: TAR,
        ...options,
      }),
    statPath: async (id, path, options) => {
      const answer = await http.send({ method: 'HEAD', path: `${at(id)}/archive`, query: { path }, ...options })
      answer.body.resume()
      return pathStat(answer)
    },
    putArchive: async (id, query, tar, options) => {
      const answer = await http.send({
        method: 'PUT',
        path: `${at(id)}/archive`,
        query: archiveQuery(query),
        headers: { 'content-type': TAR },
        rawBody: tar,
        kind: 'stream',
        ...options,
      })
      answer.body.resume()
    },
    top: async (id, psArgs, options) =>
      http.json({ method: 'GET', path: `${at(id)}/top`, query: { ps_args: psArgs }, ...options }),
    async *stats(id, { stream, oneShot }, options) {
      const query = { stream, 'one-shot': oneShot }
      const bytes = http.bytes({ method: 'GET', path: `${at(id)}/stats`, query, ...options })
      for await (const { value } of jsonLines<Record<string, unknown>>(bytes)) yield value
    },
    export: async (id, options) =>
      (await http.send({ method: 'GET', path: `${at(id)}/export`, kind: 'stream', ...options })).body,
    commit: (query, options) => http.json({ method: 'POST', path: '/commit', query, timeoutMs: LONG_MS, ...options }),
  }
}

const archiveQuery = ({ path, noOverwriteDirNonDir, copyUidGid }: PutArchiveQuery) => ({
  path,
  noOverwriteDirNonDir,
  copyUIDGID: copyUidGid,
})

/** The Engine tells what a path is in a header, as Base64 of JSON. */
function pathStat({ headers }: Pick<Answer, 'headers'>): PathStat {
  const text = Buffer.from(String(headers['x-docker-container-path-stat'] ?? ''), 'base64').toString()
  try {
    return JSON.parse(text) as PathStat
  } catch (cause) {
    throw new Problem('engine-error', 'the Engine did not say what the path is', { cause })
  }
}
