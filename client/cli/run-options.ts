/** Options of `run`: Compose's. */
import type { Options } from './command.ts'

export const RUN_OPTIONS = {
  build: { type: 'boolean', describe: 'Build image before starting container' },
  'cap-add': { type: 'string', array: true, describe: 'Add Linux capabilities', placeholder: 'CAP' },
  'cap-drop': { type: 'string', array: true, describe: 'Drop Linux capabilities', placeholder: 'CAP' },
  detach: { type: 'boolean', alias: 'd', describe: 'Run container in background and print container ID' },
  entrypoint: { type: 'string', describe: 'Override the entrypoint of the image', placeholder: 'COMMAND' },
  env: { type: 'string', array: true, alias: 'e', describe: 'Set environment variables', placeholder: 'NAME=VALUE' },
  'env-from-file': {
    type: 'string',
    array: true,
    describe: 'Set environment variables from file',
    placeholder: 'FILE',
  },
  interactive: { type: 'boolean', alias: 'i', describe: 'Keep STDIN open even if not attached', default: true },
  label: { type: 'string', array: true, alias: 'l', describe: 'Add or override a label', placeholder: 'NAME=VALUE' },
  name: { type: 'string', describe: 'Assign a name to the container', placeholder: 'NAME' },
  'no-TTY': {
    type: 'boolean',
    alias: 'T',
    describe: 'Disable pseudo-TTY allocation. One is allocated where input and output are terminals',
  },
  'no-tty': { type: 'boolean', describe: 'The same' },
  tty: { type: 'boolean', alias: 't', describe: 'Allocate a pseudo-TTY also where the output is no terminal' },
  'no-deps': { type: 'boolean', describe: "Don't start linked services" },
  publish: {
    type: 'string',
    array: true,
    alias: 'p',
    describe: "Publish a container's port(s) to the host",
    placeholder: 'PORT',
  },
  pull: { type: 'string', describe: 'Pull image before running', choices: ['always', 'missing', 'never', 'build'] },
  quiet: { type: 'boolean', alias: 'q', describe: "Don't print anything but what the container prints" },
  'quiet-build': { type: 'boolean', describe: 'Suppress progress output from the build process' },
  'quiet-pull': { type: 'boolean', describe: 'Pull without printing progress information' },
  'remove-orphans': { type: 'boolean', describe: 'Remove containers for services not defined in the Compose file' },
  rm: { type: 'boolean', describe: 'Automatically remove the container when it exits' },
  'service-ports': {
    type: 'boolean',
    alias: 'P',
    describe: "Run command with all service's ports enabled and mapped to the host",
  },
  'use-aliases': {
    type: 'boolean',
    describe: "Use the service's network aliases in the network(s) the container connects to",
  },
  user: { type: 'string', alias: 'u', describe: 'Run as specified username or uid', placeholder: 'USER' },
  volume: { type: 'string', array: true, alias: 'v', describe: 'Bind mount a volume', placeholder: 'VOLUME' },
  workdir: { type: 'string', alias: 'w', describe: 'Working directory inside the container', placeholder: 'DIR' },
} as const satisfies Options
