import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'

export default command({
  name: 'commit',
  positional: 'SERVICE [REPOSITORY[:TAG]]',
  describe: "Create a new image from a service container's changes",
  options: {
    author: {
      type: 'string',
      alias: 'a',
      describe: 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")',
      placeholder: 'AUTHOR',
    },
    change: {
      type: 'string',
      array: true,
      alias: 'c',
      describe: 'Apply Dockerfile instruction to the created image',
      placeholder: 'INSTRUCTION',
    },
    index: { type: 'number', describe: 'Index of the container if service has multiple replicas', placeholder: 'N' },
    message: { type: 'string', alias: 'm', describe: 'Commit message', placeholder: 'TEXT' },
    pause: {
      type: 'boolean',
      alias: 'p',
      describe: 'Pause container during commit (--pause=false leaves it running)',
      default: true,
    },
  },
  async run(context, values, words) {
    const [service, reference] = words
    if (service === undefined || words.length > 2) {
      throw new Problem('bad-request', 'commit needs SERVICE and at most a name for the image', {
        hint: 'for example: evenkeel commit web shop/web:debug',
      })
    }
    const stack = await context.stackName()
    const { container, id } = await context.api.call(
      'commit',
      { stack },
      {
        service,
        index: values.index ?? 0,
        changes: values.change ?? [],
        during: values.pause ? 'pause' : 'run',
        ...(reference === undefined ? {} : { reference }),
        ...(values.author === undefined ? {} : { author: values.author }),
        ...(values.message === undefined ? {} : { message: values.message }),
      },
    )
    if (context.output.progress !== 'quiet') context.output.note(` ${container}  Committed as ${id}`)
    return 0
  },
})
