import { command } from '../command.ts'
import { followLogs, monochrome } from '../follow-logs.ts'

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
    grep: {
      type: 'string',
      describe: 'Only lines in whose first 16 KiB this regular expression is found',
      placeholder: 'REGEX',
    },
    previous: { type: 'boolean', describe: 'The kept logs of containers that were replaced or removed' },
    json: { type: 'boolean', describe: 'Output lines as a stream of json objects' },
    format: { type: 'string', describe: 'Format the output', choices: ['text', 'json'], default: 'text' },
  },
  examples: [
    ['evenkeel logs -f --tail 10 web', 'the last ten lines of each web, and what follows'],
    ["evenkeel logs --since 1h --grep ' 5\\d\\d '", 'what went wrong in the last hour'],
    ['evenkeel logs --previous web', 'what the container wrote that was replaced'],
  ],
  async run(context, values, services) {
    const isWanted = values.grep === undefined ? undefined : (await import('../line-filter.ts')).lineFilter(values.grep)
    return followLogs(values['no-color'] === true ? monochrome(context) : context, await context.stackName(), {
      services,
      follow: values.follow === true,
      tail: values.tail,
      since: values.since,
      until: values.until,
      index: values.index,
      timestamps: values.timestamps === true,
      prefix: values['no-log-prefix'] === true ? 'none' : 'name',
      format: values.json === true ? 'json' : (values.format as 'text' | 'json'),
      of: values.previous === true ? 'previous' : 'present',
      isWanted,
    })
  },
})
