/** One question of a probe to a container, and why it did not pass. */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { connect } from 'node:net'
import { Problem } from '../../protocol/problems.ts'
import type { Engine } from '../engine/types.ts'
import type { Probe, ProbeCheck } from '../stack/probe.ts'

export interface Asked {
  readonly id: string
  /** Undefined: it has none that the daemon could reach. */
  readonly address: string | undefined
}

const OUTPUT_LIMIT = 300

export class ProbeAsker {
  readonly #engine: Engine
  readonly #asked: Asked
  readonly #probe: Pick<Probe, 'check' | 'timeoutMs'>
  /** The command that was begun last, by the Engine's id: it ends none, and a second one is not begun beside it. */
  #command: string | undefined

  constructor(engine: Engine, asked: Asked, probe: Pick<Probe, 'check' | 'timeoutMs'>) {
    this.#engine = engine
    this.#asked = asked
    this.#probe = probe
  }

  /** Answers why it did not pass; undefined: it did. Rejects only with its signal. */
  async ask(signal: AbortSignal): Promise<string | undefined> {
    const { check, timeoutMs } = this.#probe
    const { address } = this.#asked
    const timeout = AbortSignal.timeout(timeoutMs)
    const both = AbortSignal.any([signal, timeout])
    const what = wordsOf(check, address)
    try {
      if (check.kind === 'exec') return await this.#exec(check.command, both)
      if (!this.#engine.address.startsWith('unix:'))
        return `${what}: the Engine is on another machine; exec works there`
      if (address === undefined) return `${what}: the container has no address`
      if (check.kind === 'tcp') return await askTcp({ host: address, port: check.port }, both)
      return await askHttp(check, address, both)
    } catch (error) {
      signal.throwIfAborted()
      if (timeout.aborted) return `${what}: no answer within ${timeoutMs / 1000} s`
      const { code, message } = error as NodeJS.ErrnoException
      return `${what}: ${error instanceof Problem ? error.message : (code ?? message)}`
    }
  }

  async #exec(command: readonly string[], signal: AbortSignal): Promise<string | undefined> {
    const { exec } = this.#engine
    const line = command.join(' ')
    if (this.#command !== undefined && (await exec.inspect(this.#command, { signal })).Running)
      return `${line}: it runs still since it was asked before`
    const { Id } = await exec.create(
      this.#asked.id,
      { Cmd: [...command], AttachStdout: true, AttachStderr: true },
      { signal },
    )
    this.#command = Id
    const stream = await exec.start(Id, { tty: false }, { signal })
    stream.input.end()
    let output = ''
    for await (const chunk of stream.output) output = (output + chunk.data.toString()).slice(-OUTPUT_LIMIT)
    const { ExitCode } = await exec.inspect(Id, { signal })
    this.#command = undefined
    return ExitCode === 0 ? undefined : `${line} exited with ${ExitCode}: ${output.trim()}`.replace(/: $/, '')
  }
}

function wordsOf(check: ProbeCheck, address = ''): string {
  if (check.kind === 'exec') return check.command.join(' ')
  if (check.kind === 'tcp') return `TCP ${address}:${check.port}`
  return `GET ${check.kind}://${address}:${check.port}${check.path}`
}

/** A certificate is the container's own affair: it is asked by its address. */
function askHttp(
  check: Extract<ProbeCheck, { kind: 'http' | 'https' }>,
  host: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { kind, path, port, headers } = check
  return new Promise((resolve, reject) => {
    const options = { host, port, path, headers, signal, agent: false, rejectUnauthorized: false }
    const request = kind === 'http' ? requestHttp(options) : requestHttps(options)
    request.once('error', reject)
    request.once('response', (response) => {
      const { statusCode = 0 } = response
      response.destroy()
      resolve(statusCode >= 200 && statusCode < 400 ? undefined : `${wordsOf(check, host)}: status ${statusCode}`)
    })
    request.end()
  })
}

function askTcp(to: { host: string; port: number }, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...to, signal })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
  })
}
