/** A stack for sessions and copies, end to end: client, daemon and a real Engine. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { testEngines } from '../../contract/support/test-engines.ts'
import { projectFolder, startDaemon, temporaryFolder } from '../../lab/daemon.mjs'
import { engineJson } from '../../lab/engine-call.mjs'
import { sweep } from '../../lab/sweep.mjs'
import { runOnPipes, runOnTerminal } from '../../lab/terminal.mjs'

export const ENGINE = testEngines()[0]!
export const EK = join(projectFolder, 'dist/bin/ek')
export const MIB = 1024 * 1024
export const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const WAIT = {
  image: 'ek-lab/job:1',
  entrypoint: ['/bin/sh', '-c'],
  command: ['sleep 100000'],
  stop_grace_period: '1s',
}
const SERVICES = {
  web: {
    ...WAIT,
    depends_on: { db: { condition: 'service_healthy' } },
    environment: { COLOR: 'green' },
    deploy: { replicas: 2 },
  },
  db: { image: 'ek-lab/sleep:1', stop_grace_period: '1s', healthcheck: { test: ['CMD', 'true'], interval: '1s' } },
  shell: { ...WAIT, entrypoint: ['/bin/sh'], command: [], tty: true, stdin_open: true },
  patient: {
    ...WAIT,
    command: ["trap 'echo got INT; exit 9' INT; echo ready; while true; do echo beat; sleep 0.2; done"],
  },
}

export interface Listed {
  Id: string
  Names: string[]
  State: string
  Labels: Record<string, string>
}

/** Up before the tests of the file that asks for it, and gone after them. */
export function sessionStack(name: string) {
  const stack = `ektest-${name}-${process.pid}`
  let daemon: Awaited<ReturnType<typeof startDaemon>>
  const folder = temporaryFolder(name)
  const at = { cwd: folder.path }
  const here = (path: string) => join(folder.path, path)
  const environment = () => ({ ...process.env, EVENKEEL_HOST: `unix://${daemon.socket}` })
  const ek = (...args: string[]) => daemon.ek(args, at)
  const must = (...args: string[]) => daemon.must(args, at)
  const label = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${stack}`] }))
  const containers = (): Promise<Listed[]> => engineJson(ENGINE, 'GET', `/containers/json?all=true&filters=${label}`)

  beforeAll(async () => {
    daemon = await startDaemon(ENGINE, name)
    writeFileSync(here('compose.yaml'), JSON.stringify({ name: stack, services: SERVICES }))
    await must('up')
  })

  afterAll(async () => {
    await daemon.ek(['-p', stack, 'down', '-v', '-t', '0'])
    await daemon.remove()
    await sweep(ENGINE, stack)
    folder.remove()
  })

  return {
    stack,
    /** From the first test on. */
    get daemon() {
      return daemon
    },
    at,
    here,
    environment,
    ek,
    must,
    onPipes: (...args: string[]) => runOnPipes(EK, args, { ...at, env: environment() }),
    onTerminal: (...args: string[]) => runOnTerminal(EK, args, { ...at, env: environment(), rows: 33, columns: 77 }),
    /** The client with a file as its input, and its output as bytes. */
    piped: (args: string[], inputFile: string): Promise<{ code: number | null; bytes: Buffer }> =>
      new Promise((resolve) => {
        const input = openSync(inputFile, 'r')
        const child = spawn(EK, args, { ...at, env: environment(), stdio: [input, 'pipe', 'inherit'] })
        closeSync(input)
        const chunks: Buffer[] = []
        child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk))
        child.once('close', (code) => resolve({ code, bytes: Buffer.concat(chunks) }))
      }),
    containers,
  }
}
