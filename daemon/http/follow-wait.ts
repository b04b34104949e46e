/** Tells of each container that runs now when it has ended, and ends with the last of them. */
import { Problem } from '../../protocol/problems.ts'
import type { WaitFrame } from '../../protocol/streams.ts'
import type { Core } from '../reconcile/core.ts'
import { isRunning, type StackContainers, serviceOf } from '../reconcile/stack-containers.ts'
import { containerName } from '../stack/container-name.ts'
import { servicesOf } from '../streams/log-query.ts'
import type { FrameSocket } from './frame-socket.ts'

export async function followWait(
  { engine }: Core,
  containers: StackContainers,
  stack: string,
  query: { readonly services?: string },
  socket: FrameSocket,
): Promise<void> {
  const { signal } = socket
  const running = (await containers.select(stack, servicesOf(query.services), signal)).filter(isRunning)
  if (running.length === 0) {
    throw new Problem('conflict', `no containers for project "${stack}"`, {
      hint: `none of those that are meant runs; see: evenkeel -p ${stack} ps -a`,
    })
  }
  await Promise.all(
    running.map(async (container) => {
      const { StatusCode } = await engine.containers.wait(container.Id, 'not-running', { signal })
      const frame: WaitFrame = {
        type: 'exited',
        container: container.Id,
        name: containerName(container),
        service: serviceOf(container),
        exitCode: StatusCode,
      }
      await socket.send(frame)
    }),
  )
  await socket.send({ type: 'end' })
}
