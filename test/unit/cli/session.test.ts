import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openSession } from '../../../client/session.ts'
import { controlFrame, frameHeader, type SessionChannel } from '../../../protocol/session.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const frame = (channel: SessionChannel, text: string) => [frameHeader(channel, text.length), Buffer.from(text)]

/** A daemon that upgrades whatever comes, says these bytes, and no more. */
async function sessionThatIsTold(...said: readonly Uint8Array[]) {
  const socketPath = join(temporaryFolder(), 's.sock')
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
      setImmediate(() => socket.write(Buffer.concat(said)))
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  const came: string[] = []
  const session = await openSession(
    { url: `unix://${socketPath}`, way: { kind: 'unix', socketPath }, token: undefined },
    '/v1/stacks/shop/exec',
    { type: 'exec', service: 'web', command: ['true'] },
    {
      data: (channel, pieces) => {
        came.push(`${channel} ${pieces.map((piece) => Buffer.from(piece).toString()).join('+')}`)
        return undefined
      },
      started: () => came.push('started'),
    },
  )
  onTestFinished(() => {
    session.close()
    server.close()
  })
  return { code: await session.exitCode, came }
}

test('what comes at once on one channel is handed over at once, and nothing out of its order', async () => {
  const { code, came } = await sessionThatIsTold(
    controlFrame({ type: 'started', container: 'c', tty: false }),
    ...frame('stdout', 'a'),
    ...frame('stdout', 'b'),
    ...frame('stderr', 'c'),
    ...frame('stdout', 'd'),
    controlFrame({ type: 'exit', code: 7 }),
  )
  expect(came).toEqual(['started', 'stdout a+b', 'stderr c', 'stdout d'])
  expect(code).toBe(7)
})

test('more pieces than one call of the system takes are handed over in several', async () => {
  const pieces = Array.from({ length: 1500 }, () => frame('stdout', 'x')).flat()
  const { came } = await sessionThatIsTold(...pieces, controlFrame({ type: 'exit', code: 0 }))
  expect(came.join('').replaceAll(/[^x]/g, '').length).toBe(1500)
  expect(Math.max(...came.map((text) => text.split('+').length))).toBeLessThanOrEqual(1024)
})
