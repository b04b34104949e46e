import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

export interface FakeEngine {
  /** `unix:///...` */
  readonly url: string
  /** The paths that were asked for, in order. */
  readonly paths: readonly string[]
  close(): Promise<void>
}

/** A folder for sockets and certificates, removed with the test. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ektest-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Answers as a test says, so that it can fail in ways in which a real Engine rarely does. Closed with the test. */
export async function fakeEngine(answer: Answer, socketPath?: string): Promise<FakeEngine> {
  const path = socketPath ?? join(await testFolder(), 'docker.sock')
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(request.url ?? '')
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  onTestFinished(close)
  return { url: `unix://${path}`, paths, close }
}

/** Answers the negotiation like an Engine of these versions, and all else as `answer` does. */
export const speaking =
  (api: { newest: string; oldest?: string }, answer: Answer): Answer =>
  (request, response) => {
    if (request.url !== '/version') return answer(request, response)
    const { newest, oldest = '1.24' } = api
    response.end(
      JSON.stringify({ Version: 'fake', ApiVersion: newest, MinAPIVersion: oldest, Os: 'linux', Arch: 'amd64' }),
    )
  }

/** Takes the request and never answers. */
export const silent: Answer = () => {}
