/** Files of a container out or in, for one caller: a tar as fast as both ends take it. */
import { CopyInOpen, CopyOutOpen } from '../../protocol/resources/session.ts'
import type { ContainerFiles } from '../reconcile/container-files.ts'
import type { Caller } from '../reconcile/control.ts'
import type { SessionInput, SessionSocket } from './session-socket.ts'

export async function serveCopyOut(
  files: ContainerFiles,
  stack: string,
  session: SessionSocket,
  caller: Caller,
): Promise<void> {
  const { target, path: meant, links } = await session.open(CopyOutOpen)
  const { signal } = session
  const container = await files.choose(stack, target, caller, signal)
  const path = links === 'follow' ? (await files.follow(container.id, meant, signal)).path : meant
  const { info, chunks } = await files.read(container, path, signal)
  const { name, others } = container
  session.begin(NOTHING_TO_SAY, { type: 'started', container: name, tty: false, copy: { path, info, others } })
  for await (const chunk of chunks) await session.write('stdout', chunk)
  session.send({ type: 'exit', code: 0 })
}

export async function serveCopyIn(
  files: ContainerFiles,
  stack: string,
  session: SessionSocket,
  caller: Caller,
): Promise<void> {
  const { target, path, owners } = await session.open(CopyInOpen)
  const { signal } = session
  const { id, name, others } = await files.choose(stack, target, caller, signal)
  const found = await files.follow(id, path, signal)
  let into: (folder: string) => void = () => {}
  const writing = new Promise<string>((resolve, reject) => {
    into = resolve
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  }).then((folder) => files.write(id, { path: folder, owners }, signal))
  // What fails is thrown below. Until then nothing more is let in.
  const write = (work: (to: Awaited<typeof writing>) => void) => void writing.then(work, () => {})
  session.begin(
    {
      stdin: (bytes, taken) => write((to) => to.write(bytes, taken)),
      control: (frame) => {
        if (frame.type === 'into') into(frame.path)
        else if (frame.type === 'stdin-end') write((to) => to.end())
      },
    },
    { type: 'started', container: name, tty: false, copy: { ...found, others } },
  )
  const writer = await writing
  try {
    await writer.done
  } finally {
    writer.close()
  }
  session.send({ type: 'exit', code: 0 })
}

/** The caller only listens. What it sends all the same is not waited for. */
const NOTHING_TO_SAY: SessionInput = { stdin: (_, taken) => taken(), control: () => {} }
