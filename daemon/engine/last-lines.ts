/** What a container's program said last. */
import { demultiplex, plain } from './demultiplex.ts'
import type { Engine } from './types.ts'

const LOG_MS = 3000
/** Longer lines are cut. */
const LINE_LIMIT = 300
/** Of one character, in UTF-8. */
const CHARACTER_BYTES = 4

/** At most `count`, oldest first, none empty. None where its log cannot be read: the driver may keep none, and it may be gone. */
export async function lastLines(
  { containers }: Pick<Engine, 'containers'>,
  id: string,
  count: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const soon = AbortSignal.any([...(signal === undefined ? [] : [signal]), AbortSignal.timeout(LOG_MS)])
  try {
    const { Config } = await containers.inspect(id, { signal: soon })
    let text = ''
    const bytes = containers.logs(id, { stdout: true, stderr: true, tail: count }, { signal: soon })
    for await (const { data } of Config.Tty ? plain(bytes) : demultiplex(bytes))
      text = (text + data.toString()).slice(-count * LINE_LIMIT * CHARACTER_BYTES)
    return text
      .split('\n')
      .map((line) => line.trimEnd().slice(0, LINE_LIMIT))
      .filter((line) => line !== '')
      .slice(-count)
  } catch {
    // What it said is told where it can be: nobody waits for it.
    return []
  }
}
