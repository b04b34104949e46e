import { command } from '../command.ts'
import { heldWords } from '../render/hold.ts'
import { stackOrAll } from '../stack-argument.ts'

export default command({
  name: 'resume',
  positional: '[STACK]',
  describe: 'Go on with a stack that is held: it is brought to what was declared',
  options: { all: { type: 'boolean', describe: 'Lift the hold of the whole daemon; stacks held by name stay held' } },
  async run(context, values, words) {
    const stack = await stackOrAll(context, values.all, words)
    const { daemon, stacks } =
      stack === undefined ? await context.api.call('resumeAll') : await context.api.call('resume', { stack })
    if (stack === undefined) for (const [name, hold] of Object.entries(stacks)) context.warn(heldWords(name, hold))
    else if (daemon !== undefined) {
      context.warn(heldWords(stack, daemon))
      return 1
    }
    return 0
  },
})
