/**
 * A loop that the Engine is in by itself (moby#48912; seen on 28.5). It hears late of the end of a process and takes it for
 * the end of the one that runs by now. Of that it goes on to know nothing: it starts another beside it, kills the first to do
 * so, hears late of that end, and so on, with exit code 137 each time. No stop, kill or restart ends this, and a removal
 * leaves the process behind, running.
 *
 * What ends it: with no restart policy to follow, the Engine takes over the last process once it has misjudged that as well.
 * Such a container has neither network nor log, but what the Engine believes of it is true, so that a stop is one again.
 */
import { Problem } from '../../../protocol/problems.ts'
import type { ContainerInspect } from '../../engine/types.ts'
import type { Clock } from '../clock.ts'
import type { Setting } from '../performance.ts'
import { isStatus } from './engine-answers.ts'

/** It misjudges an end within 2 s of hearing of it, in which it gives the output time to arrive. */
const QUIET_MS = 4000
const QUIET_LIMIT_MS = 60_000
const LOOK_MS = 500

/**
 * Where the Engine is in that loop over a container: brings it to where a stop works. Whoever calls stops the container
 * next, and has remembered before that it is to be stopped: in between it is of no use.
 */
export async function endEngineLoop(
  id: string,
  { with: { engine, endings, clock }, signal, report }: Pick<Setting, 'with' | 'signal' | 'report'>,
): Promise<void> {
  if (!endings.isEndedByEngine(id)) return
  report('the Engine ends it again and again by itself: its loop is ended first')
  endings.endsLoop(id)
  await endings.during(id, async () => {
    await engine.containers.updateRestartPolicy(id, { Name: 'no' }, { signal })
    await engine.containers.stop(id, {}, { signal })
    await engine.containers.start(id, { signal })
    await untilQuiet(() => engine.containers.inspect(id, { signal }), clock, signal)
  })
}

/** Until the Engine has said the same for a while. */
async function untilQuiet(look: () => Promise<ContainerInspect>, clock: Clock, signal: AbortSignal): Promise<void> {
  let before = ''
  for (let quietMs = 0, waitedMs = 0; quietMs < QUIET_MS; waitedMs += LOOK_MS) {
    if (waitedMs > QUIET_LIMIT_MS)
      throw new Problem(
        'engine-timeout',
        `the Engine has not come to rest over a container in ${QUIET_LIMIT_MS / 1000} s`,
      )
    const { State } = await look()
    const now = `${State.Status} ${State.Pid} ${State.StartedAt}`
    quietMs = now === before ? quietMs + LOOK_MS : 0
    before = now
    await clock.sleep(LOOK_MS, signal)
  }
}

/** As `endEngineLoop`, for a container that may be gone by now: then there is no loop either. */
export async function endEngineLoopIfThere(id: string, setting: Parameters<typeof endEngineLoop>[1]): Promise<void> {
  try {
    await endEngineLoop(id, setting)
  } catch (error) {
    if (!isStatus(error, 404)) throw error
  }
}
