/** Files of a container out or in, for one caller: a tar as fast as both ends take it. */
import { CopyInOpen, CopyOutOpen } from '../../protocol/resources/session.ts'
import type { ContainerFiles } from '../reconcile/container-files.ts'
import type { Caller } from '../reconcile/control.ts'
import type { SessionInput, SessionSocket } from './session-socket.ts'

interface CopyPlace {
  readonly stack: string
  readonly container: string
}

export async function serveCopyOut(
  files: ContainerFiles,
  { stack, container }: CopyPlace,
  session: SessionSocket,
  caller: Caller,
): Promise<void> {
  const { path } = await session.open(CopyOutOpen)
  const chunks = await files.read(stack, container, { path }, caller, session.signal)
  session.begin(NOTHING_TO_SAY, { type: 'started', container, tty: false })
  for await (const chunk of chunks) await session.write('stdout', chunk)
  session.send({ type: 'exit', code: 0 })
}

export async function serveCopyIn(
  files: ContainerFiles,
  { stack, container }: CopyPlace,
  session: SessionSocket,
  caller: Caller,
): Promise<void> {
  const { path, owners } = await session.open(CopyInOpen)
  const writer = await files.write(stack, container, { path, owners }, caller, session.signal)
  session.begin(
    {
      stdin: (bytes, taken) => writer.write(bytes, taken),
      control: ({ type }) => {
        if (type === 'stdin-end') writer.end()
      },
    },
    { type: 'started', container, tty: false },
  )
  try {
    await writer.done
  } finally {
    writer.close()
  }
  session.send({ type: 'exit', code: 0 })
}

/** The caller only listens. What it sends all the same is not waited for. */
const NOTHING_TO_SAY: SessionInput = { stdin: (_, taken) => taken(), control: () => {} }
