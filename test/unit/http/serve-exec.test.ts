import { describe, expect, test } from 'vitest'
import { serveExec } from '../../../daemon/http/serve-exec.ts'
import type { SessionSocket } from '../../../daemon/http/session-socket.ts'
import { Problem } from '../../../protocol/problems.ts'
import { ExecOpen } from '../../../protocol/resources/session.ts'
import { aRunningStack } from '../support/core.ts'
import { rejectionOf } from '../support/problems.ts'

const CALLER = { name: 'tester' }
const isPaused = () =>
  new Problem('engine-error', 'Container is paused, unpause the container before exec', {
    engine: { call: 'POST /containers/{id}/exec', status: 409 },
  })

/** A detached command in a container that the Engine refuses as paused, as often as is said. */
async function anExec({ refusals, frozen }: { readonly refusals: number; readonly frozen: boolean }) {
  const { core, engine } = await aRunningStack()
  const { id } = engine.find('shop-web-1')!
  if (frozen) core.frozen.add(id)
  let left = refusals
  Object.assign(core.engine, {
    exec: {
      create: async () => {
        if (left === 0) return { Id: 'exec' }
        left -= 1
        if (left === 0) core.frozen.delete(id)
        throw isPaused()
      },
      startDetached: async () => {},
    },
  })
  const frames: unknown[] = []
  const session = {
    open: async () => ExecOpen.parse({ type: 'exec', service: 'web', command: ['true'], detach: true }),
    signal: new AbortController().signal,
    send: (frame: unknown) => frames.push(frame),
  } as unknown as SessionSocket
  return { frames, ended: serveExec(core, 'shop', session, CALLER) }
}

describe('a command in a container that is paused', () => {
  test('waits where it is the daemon that paused it for a moment', async () => {
    const { frames, ended } = await anExec({ refusals: 3, frozen: true })
    await ended
    expect(frames).toEqual([{ type: 'exit', code: 0 }])
  })

  test('is refused in the words of the Engine where somebody else did', async () => {
    const { ended } = await anExec({ refusals: 1, frozen: false })
    expect(await rejectionOf(ended)).toMatchObject({ message: isPaused().message })
  })
})
