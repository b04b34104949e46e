import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'

export default command({
  name: 'cp',
  positional: 'SERVICE:SRC_PATH DEST_PATH|-, or SRC_PATH|- SERVICE:DEST_PATH',
  describe: 'Copy files/folders between a service container and the local filesystem',
  options: {
    all: { type: 'boolean', describe: 'Include containers created by the run command' },
    archive: { type: 'boolean', alias: 'a', describe: 'Archive mode (copy all uid/gid information)' },
    'follow-link': { type: 'boolean', alias: 'L', describe: 'Always follow symbol link in SRC_PATH' },
    index: { type: 'number', describe: 'Index of the container if service has multiple replicas', placeholder: 'N' },
  },
  examples: [
    ['evenkeel cp web:/var/log/app.log .', 'a file out of a container'],
    ['evenkeel cp ./site/. web:/srv', 'what is in a folder into every replica'],
    ['evenkeel cp web:/data - | tar t', 'a tar on standard output'],
  ],
  async run(context, values, words) {
    const [source, target] = words
    if (source === undefined || target === undefined || words.length > 2) {
      throw new Problem('bad-request', `'evenkeel cp' requires 2 arguments`, {
        hint: 'write evenkeel cp SERVICE:SRC_PATH DEST_PATH, or evenkeel cp SRC_PATH SERVICE:DEST_PATH',
      })
    }
    const { copy } = await import('../../copy/copy.ts')
    await copy(
      {
        api: context.api,
        stack: () => context.stackName(),
        warn: (message) => context.warn(message),
        say: (line) => {
          if (context.output.progress !== 'quiet') context.output.note(` ${line}`)
        },
      },
      {
        source,
        target,
        all: values.all === true,
        owners: values.archive === true ? 'keep' : 'default',
        links: values['follow-link'] === true ? 'follow' : 'keep',
        index: values.index,
      },
    )
    return 0
  },
})
