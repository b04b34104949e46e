/** What commands that bring a stack to another revision share: how long containers have to stop, and what is waited for. */
import type { Options, Values } from './command.ts'

export const WAIT_OPTIONS = {
  timeout: { type: 'number', alias: 't', describe: 'Seconds to wait for containers to stop', placeholder: 'SECONDS' },
  wait: { type: 'boolean', describe: 'Wait for services to be running|healthy' },
  'wait-timeout': {
    type: 'number',
    describe: 'Maximum duration in seconds to wait (implies --wait)',
    placeholder: 'SECONDS',
  },
} as const satisfies Options

/** The same, as a request has it. */
export const waitingOf = (values: Values<typeof WAIT_OPTIONS>) => ({
  ...(values.timeout === undefined ? {} : { timeoutSeconds: values.timeout }),
  ...(values['wait-timeout'] === undefined ? {} : { waitTimeoutSeconds: values['wait-timeout'] }),
  wait: values.wait === true || values['wait-timeout'] !== undefined ? ('ready' as const) : ('started' as const),
})
