import { command } from '../command.ts'
import { RUN_OPTIONS } from '../run-options.ts'

export default command({
  name: 'run',
  positional: 'SERVICE [COMMAND] [ARGS...]',
  describe: 'Run a one-off command on a service',
  stopsAtFirstWord: true,
  options: RUN_OPTIONS,
  examples: [
    ['evenkeel run --rm web npm run migrate', 'a job with what web has, its dependencies started'],
    ['evenkeel run --rm --no-deps --entrypoint sh web', 'a shell instead of the program'],
  ],
  async run(context, values, words) {
    const { runOneOff } = await import('../run-one-off.ts')
    return runOneOff(context, values, words)
  },
})
