import { command } from '../command.ts'
import { heldWords } from '../render/hold.ts'
import { stackOrAll } from '../stack-argument.ts'

export default command({
  name: 'hold',
  positional: '[STACK]',
  describe: 'Touch nothing of a stack until it is resumed: observe, plan and show alone',
  options: { all: { type: 'boolean', describe: 'Hold the whole daemon' } },
  examples: [
    ['evenkeel hold', 'the stack of compose.yaml here or in a folder above'],
    ['evenkeel hold --all', 'all stacks, and those to come'],
  ],
  async run(context, values, words) {
    const stack = await stackOrAll(context, values.all, words)
    const { daemon, stacks } =
      stack === undefined ? await context.api.call('holdAll') : await context.api.call('hold', { stack })
    context.output.note(heldWords(stack ?? '', (stack === undefined ? daemon : stacks[stack])!))
    return 0
  },
})
