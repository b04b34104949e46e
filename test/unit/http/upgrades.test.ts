import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { openSession, type SessionHandlers } from '../../../client/session.ts'
import type { Admitted } from '../../../daemon/access/gate.ts'
import type { Noted } from '../../../daemon/http/server.ts'
import { type Session, serveUpgrades, type UpgradeHost } from '../../../daemon/http/upgrades.ts'
import { Problem } from '../../../protocol/problems.ts'
import { ExecOpen } from '../../../protocol/resources/session.ts'
import { rejectionOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const CALLER: Admitted = { name: 'ann', origin: 'test', chain: [], may: () => true }

/** Runs one exec session that does this over a real connection. Answers its exit code, or the refusal, and the audit. */
async function execThatDoes(
  work: (session: Session) => Promise<void>,
  data: SessionHandlers['data'] = () => undefined,
) {
  const noted: Pick<Noted, 'action' | 'outcome'>[] = []
  const unused = async () => {}
  const host: UpgradeHost = {
    admit: async () => CALLER,
    watch: () => () => {},
    note: (_, { action, outcome }) => noted.push({ action, outcome }),
    streams: {
      logs: unused,
      access: unused,
      stats: unused,
      wait: unused,
      events: unused,
      progress: unused,
      jobProgress: unused,
    },
    sessions: { exec: work, attach: unused, copyOut: unused, copyIn: unused },
    loans: { sshAgents: unused },
    redact: (text) => text,
    log: { warn: () => {} },
  }
  const upgrades = serveUpgrades(host)
  const socketPath = join(temporaryFolder(), 's.sock')
  const server = createServer().on('upgrade', upgrades.upgrade)
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  onTestFinished(() => {
    upgrades.close()
    server.close()
  })
  const address = { url: `unix://${socketPath}`, way: { kind: 'unix', socketPath } as const, token: undefined }
  const open = { type: 'exec' as const, service: 'web', command: ['true'] }
  const handlers = { data, started: () => {} }
  const session = await openSession(address, '/v1/stacks/shop/exec', open, handlers)
  return { exitCode: session.exitCode, noted }
}

test('a session that is refused is in the audit once, as what failed', async () => {
  const { exitCode, noted } = await execThatDoes(async () => {
    throw new Problem('policy-violation', 'no')
  })
  expect((await rejectionOf(exitCode)).code).toBe('policy-violation')
  expect(noted).toEqual([{ action: 'exec', outcome: 'failed' }])
})

test('a session that has begun is in the audit once, as soon as it has', async () => {
  let seen: unknown
  const { exitCode, noted } = await execThatDoes(async ({ socket }) => {
    await socket.open(ExecOpen)
    socket.begin({ stdin: () => {}, control: () => {} }, { type: 'started', container: 'shop-web-1', tty: false })
    await socket.begun
    await new Promise((resolve) => setImmediate(resolve))
    seen = [...noted]
    throw new Problem('engine-unreachable', 'gone')
  })
  expect((await rejectionOf(exitCode)).code).toBe('engine-unreachable')
  expect(seen).toEqual([{ action: 'exec', outcome: 'done' }])
  expect(noted).toEqual(seen)
})

test.each([1, 40])('more than a window at once gets through to a caller that takes it in %i ms', async (ms) => {
  const bytes = Buffer.alloc(5 * 1024 ** 2 + 7, 'abcdefgh')
  const came: Buffer[] = []
  const { exitCode } = await execThatDoes(
    async ({ socket }) => {
      await socket.open(ExecOpen)
      socket.begin({ stdin: () => {}, control: () => {} }, { type: 'started', container: 'c', tty: false })
      await socket.write('stdout', bytes)
      socket.send({ type: 'exit', code: 0 })
    },
    (_, pieces) => {
      came.push(Buffer.concat(pieces))
      return delay(ms)
    },
  )
  expect(await exitCode).toBe(0)
  expect(Buffer.concat(came).equals(bytes)).toBe(true)
})
