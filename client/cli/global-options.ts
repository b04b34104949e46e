/** Options of every command: before or after its name, as in Compose. */
import type { Options } from './command.ts'

export const GLOBAL_OPTIONS = {
  file: { type: 'string', array: true, alias: 'f', describe: 'Compose configuration files', placeholder: 'FILE' },
  'project-name': { type: 'string', alias: 'p', describe: 'Stack name', placeholder: 'NAME' },
  profile: { type: 'string', array: true, describe: 'Specify a profile to enable', placeholder: 'NAME' },
  'env-file': { type: 'string', array: true, describe: 'Specify an alternate environment file', placeholder: 'FILE' },
  'project-directory': { type: 'string', describe: 'Specify an alternate working directory', placeholder: 'DIR' },
  'all-resources': { type: 'boolean', describe: 'Include all resources, even those not used by services' },
  host: { type: 'string', alias: 'H', describe: 'The daemon to talk to (EVENKEEL_HOST)', placeholder: 'URL' },
  context: { type: 'string', describe: 'The daemon to talk to, by the name of a context', placeholder: 'NAME' },
  progress: {
    type: 'string',
    describe: 'Type of progress output',
    choices: ['auto', 'tty', 'plain', 'json', 'quiet'],
    default: 'auto',
  },
  ansi: {
    type: 'string',
    describe: 'When to print ANSI control characters',
    choices: ['never', 'always', 'auto'],
    default: 'auto',
  },
} as const satisfies Options
