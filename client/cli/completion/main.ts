/** `ek __complete -- WORDS`: answers a shell, in a moment or not at all. */
import type { Command, Context } from '../command.ts'
import { candidates, type Names } from './complete.ts'

/** A person has a finger on the key. */
const PATIENCE_MS = 1500

export async function complete(
  argv: readonly string[],
  commands: readonly Command[],
  contextFor: (words: readonly string[]) => Context,
): Promise<number> {
  const words = argv[0] === '--' ? argv.slice(1) : argv
  const found = await candidates(words, commands, namesOf(contextFor))
  process.stdout.write(found.map(({ text, describe }) => `${text}\t${describe}\n`).join(''))
  return 0
}

function namesOf(contextFor: (words: readonly string[]) => Context): Names {
  return {
    stacks: () => soon(async () => (await contextFor([]).api.call('stacks')).stacks.map((stack) => stack.name)),
    services: (words) =>
      soon(async () => {
        const context = contextFor(words)
        const stack = await context.stackName()
        const known = context.api.call('stack', { stack })
        return known.then(
          ({ serviceStates }) => serviceStates.map(({ name }) => name),
          () => servicesOfFile(context),
        )
      }),
  }
}

/** Of a stack that is not up yet. */
async function servicesOfFile({ selection }: Context): Promise<readonly string[]> {
  const { loadFromDisk } = await import('../../stack-source.ts')
  return Object.keys(loadFromDisk(selection).model.services)
}

/** No daemon, no file, no stack: nothing to offer, which is no error while somebody types. */
function soon(ask: () => Promise<readonly string[]>): Promise<readonly string[]> {
  const late = new Promise<readonly string[]>((resolve) => setTimeout(() => resolve([]), PATIENCE_MS).unref())
  return Promise.race([ask().catch(() => []), late])
}
