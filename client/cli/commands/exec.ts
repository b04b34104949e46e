import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'
import { sessionEnvironment, wantsTerminal } from '../session-options.ts'

export default command({
  name: 'exec',
  positional: 'SERVICE COMMAND [ARGS...]',
  describe: 'Execute a command in a running container',
  stopsAtFirstWord: true,
  options: {
    detach: { type: 'boolean', alias: 'd', describe: 'Detached mode: Run command in the background' },
    env: { type: 'string', array: true, alias: 'e', describe: 'Set environment variables', placeholder: 'NAME=VALUE' },
    index: { type: 'number', describe: 'Index of the container if service has multiple replicas', placeholder: 'N' },
    'no-tty': {
      type: 'boolean',
      alias: 'T',
      describe: 'Disable pseudo-TTY allocation. One is allocated where input and output are terminals',
    },
    'no-TTY': { type: 'boolean', describe: 'The same' },
    tty: { type: 'boolean', alias: 't', describe: 'Allocate a pseudo-TTY also where the output is no terminal' },
    interactive: { type: 'boolean', alias: 'i', describe: 'Keep STDIN open (the default)', default: true },
    privileged: { type: 'boolean', describe: 'Give extended privileges to the process' },
    user: { type: 'string', alias: 'u', describe: 'Run the command as this user', placeholder: 'USER' },
    workdir: { type: 'string', alias: 'w', describe: 'Path to workdir directory for this command', placeholder: 'DIR' },
  },
  examples: [
    ['evenkeel exec web sh', 'a shell in web'],
    ['pg_dump ... | evenkeel exec -T db psql', 'a pipe into a container'],
  ],
  async run(context, values, [service, ...words]) {
    if (service === undefined || words.length === 0) {
      throw new Problem('bad-request', `requires at least 2 arg(s), only received ${service === undefined ? 0 : 1}`, {
        hint: 'write evenkeel exec SERVICE COMMAND [ARGS...]',
      })
    }
    const stack = await context.stackName()
    const { converse, terminalSize } = await import('../converse.ts')
    const detach = values.detach === true
    const stdin = values.interactive && !detach
    const tty = !detach && wantsTerminal({ off: values['no-tty'] ?? values['no-TTY'], on: values.tty, stdin })
    const size = terminalSize()
    return converse(context.api, {
      name: 'exec',
      stack,
      stdin,
      detachKeys: undefined,
      signals: 'leave',
      open: {
        type: 'exec',
        service,
        command: words,
        environment: sessionEnvironment(values.env ?? []),
        privileged: values.privileged === true,
        detach,
        tty,
        stdin,
        ...(values.index === undefined ? {} : { index: values.index }),
        ...(values.user === undefined ? {} : { user: values.user }),
        ...(values.workdir === undefined ? {} : { workingDir: values.workdir }),
        ...(size === undefined ? {} : { size }),
      },
    })
  },
})
