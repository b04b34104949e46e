import { describe, expect, test } from 'vitest'
import { serveAttach } from '../../../daemon/http/serve-attach.ts'
import type { SessionInput, SessionSocket } from '../../../daemon/http/session-socket.ts'
import { AttachOpen } from '../../../protocol/resources/session.ts'
import { AT, aRunningStack, type Bench } from '../support/core.ts'
import { rejectionOf } from '../support/problems.ts'

const CALLER = { name: 'tester' }
const target = { container: 'shop-web-1' }

/** A caller that wants this, and sends one signal once it is let in. */
function aSession(open: object, sends?: 'SIGTERM') {
  const frames: unknown[] = []
  const session = {
    open: async () => AttachOpen.parse({ type: 'attach', ...open }),
    signal: new AbortController().signal,
    begin: (input: SessionInput) => {
      if (sends !== undefined) input.control({ type: 'signal', signal: sends })
    },
    send: (frame: unknown) => frames.push(frame),
    write: async () => {},
  }
  return { frames, session: session as unknown as SessionSocket }
}

/** The fake Engine with what an attach needs: a stream that says nothing, and an end once somebody kills. */
function withAttach({ core, engine: fake }: Bench) {
  const { containers } = core.engine
  let end = (_: { StatusCode: number }): void => {}
  const ended = new Promise<{ StatusCode: number }>((resolve) => {
    end = resolve
  })
  const kill = containers.kill.bind(containers)
  Object.assign(containers, {
    attach: async () => ({ input: { write: () => {}, end: () => {} }, chunks: silence(ended), close: () => {} }),
    wait: (_id: string, _condition: string, { onListening }: { onListening: () => void }) => {
      onListening()
      return ended
    },
    kill: async (...args: Parameters<typeof kill>) => {
      await kill(...args)
      end({ StatusCode: 143 })
    },
  })
  return fake
}

/** Ends without a word. */
const silence = (until: Promise<unknown>): AsyncIterable<never> => ({
  [Symbol.asyncIterator]: () => ({ next: () => until.then(() => ({ done: true, value: undefined })) }),
})

describe('a start with the attach', () => {
  test('is for one-off containers alone: those of services are their loop’s', async () => {
    const bench = await aRunningStack()
    const fake = withAttach(bench)
    expect(
      await rejectionOf(serveAttach(bench.core, 'shop', aSession({ target, start: true }).session, CALLER)),
    ).toMatchObject({
      code: 'conflict',
      message: 'shop-web-1 is no one-off container',
    })
    expect(fake.calls).toEqual([])
  })

  test('is refused while the stack is held', async () => {
    const bench = await aRunningStack()
    const fake = withAttach(bench)
    const labels = { ...fake.find('shop-web-1')!.body.Labels, 'com.docker.compose.oneoff': 'True' }
    await bench.core.engine.containers.create({ name: 'shop-web-run-1' }, { Image: 'web:1', Labels: labels })
    bench.core.store.transaction(() => bench.core.store.holds.add({ stack: 'shop', since: AT, by: 'ann' }))
    const open = { target: { container: 'shop-web-run-1' }, start: true }
    expect(await rejectionOf(serveAttach(bench.core, 'shop', aSession(open).session, CALLER))).toMatchObject({
      code: 'stack-held',
    })
    expect(fake.calls).not.toContain('start shop-web-run-1')
  })
})

test('what ends of a signal through an attach was not stopped past the daemon', async () => {
  const bench = await aRunningStack()
  withAttach(bench)
  const { frames, session } = aSession({ target }, 'SIGTERM')
  await serveAttach(bench.core, 'shop', session, CALLER)
  expect(frames).toEqual([{ type: 'exit', code: 143 }])
  const { id, name } = bench.engine.find('shop-web-1')!
  const event = (Action: string, attributes: object) =>
    bench.core.endings.observe('shop', {
      Type: 'container',
      Action,
      Actor: { ID: id, Attributes: { name, ...attributes } },
    } as never)
  event('kill', { signal: '15' })
  expect(event('die', { exitCode: '143' })).toBeUndefined()
})
