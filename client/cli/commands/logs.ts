import { command } from '../command.ts'
import { followLogs } from '../follow-logs.ts'

export default command({
  name: 'logs',
  positional: '[SERVICE...]',
  describe: 'Show the logs of containers',
  options: {
    follow: { type: 'boolean', alias: 'f', describe: 'Follow log output' },
    tail: {
      type: 'string',
      alias: 'n',
      describe: 'Number of lines to show from the end of the logs for each container',
      placeholder: 'N',
      default: 'all',
    },
    since: {
      type: 'string',
      describe: 'Logs since a time (2026-01-02T13:23:37Z) or a duration back (42m)',
      placeholder: 'TIME',
    },
    until: { type: 'string', describe: 'Logs before a time or a duration back', placeholder: 'TIME' },
    timestamps: { type: 'boolean', alias: 't', describe: 'Show timestamps' },
    'no-log-prefix': { type: 'boolean', describe: "Don't print prefix in logs" },
    'no-color': { type: 'boolean', describe: 'Produce monochrome output' },
    index: { type: 'number', describe: 'Index of the container if the service has several replicas', placeholder: 'N' },
    format: { type: 'string', describe: 'Format the output', choices: ['text', 'json'], default: 'text' },
  },
  async run(context, values, services) {
    return followLogs(context, await context.stackName(), {
      services,
      follow: values.follow === true,
      tail: values.tail,
      since: values.since,
      until: values.until,
      index: values.index,
      timestamps: values.timestamps === true,
      prefix: values['no-log-prefix'] === true ? 'none' : 'name',
      format: values.format as 'text' | 'json',
    })
  },
})
