/** Frames of a stream that is followed until somebody interrupts it, without those that are about the stream itself. */
import { Problem, type ProblemDetails } from '../../protocol/problems.ts'
import type { Context } from './command.ts'

interface Stream<F> extends AsyncIterable<F> {
  close(): void
}
type AboutStream =
  | { readonly type: 'gap'; readonly message: string }
  | { readonly type: 'end'; readonly problem?: ProblemDetails | undefined }

export async function* liveFrames<F extends { readonly type: string }>(
  stream: Stream<F | AboutStream>,
  { warn }: Pick<Context, 'warn'>,
): AsyncGenerator<Exclude<F, AboutStream>> {
  process.once('SIGINT', () => process.exit(130))
  for await (const frame of stream) {
    if (frame.type === 'gap') warn((frame as AboutStream & { type: 'gap' }).message)
    else if (frame.type === 'end') {
      const { problem } = frame as AboutStream & { type: 'end' }
      if (problem !== undefined) throw Problem.fromDetails(problem)
      break
    } else yield frame as Exclude<F, AboutStream>
  }
  stream.close()
}
