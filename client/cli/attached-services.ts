import { Problem } from '../../protocol/problems.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import type { Options, Values } from './command.ts'
import type { LogsWanted } from './follow-logs.ts'

/** Options of an `up` that follows the logs. */
export const ATTACH_OPTIONS = {
  attach: {
    type: 'string',
    array: true,
    describe: 'Restrict attaching to the specified services. Incompatible with --attach-dependencies',
    placeholder: 'SERVICE',
  },
  'attach-dependencies': { type: 'boolean', describe: 'Automatically attach to log output of dependent services' },
  'no-attach': {
    type: 'string',
    array: true,
    describe: 'Do not attach (stream logs) to the specified services',
    placeholder: 'SERVICE',
  },
  'no-color': { type: 'boolean', describe: 'Produce monochrome output' },
  'no-log-prefix': { type: 'boolean', describe: "Don't print prefix in logs" },
  timestamps: { type: 'boolean', describe: 'Show timestamps' },
} as const satisfies Options

type AttachValues = Partial<Values<typeof ATTACH_OPTIONS>>
type Attached = Pick<LogsWanted, 'services' | 'prefix' | 'timestamps' | 'isWanted'>

/** Whose lines are shown, and how. As Compose has it: those that are named, without what they depend on. */
export function attached(model: Model, values: AttachValues, named: readonly string[]): Attached {
  const services = attachedServices(model, values, named)
  return {
    services,
    prefix: values['no-log-prefix'] === true ? 'none' : 'name',
    timestamps: values.timestamps === true,
    // To ask for no service is to ask for all of them.
    isWanted: services.length === 0 ? () => false : undefined,
  }
}

export function attachedServices(model: Model, values: AttachValues, named: readonly string[]): string[] {
  const { attach = [], 'no-attach': left = [] } = values
  if (attach.length > 0 && values['attach-dependencies'] === true)
    throw new Problem('bad-request', 'cannot combine --attach and --attach-dependencies')
  const unknown = attach.filter((service) => model.services[service] === undefined)
  if (unknown.length > 0)
    throw new Problem('bad-request', `cannot attach to services not included in up: ${unknown.join(', ')}`)
  const chosen = attach.length > 0 ? attach : launched(model, named, values['attach-dependencies'] === true)
  return chosen.filter((service) => !left.includes(service))
}

/** What is asked to run, but for services that say `attach: false`. */
function launched(model: Model, named: readonly string[], withDependencies: boolean): string[] {
  const names = new Set(named.length === 0 ? Object.keys(model.services) : named)
  if (withDependencies) {
    // A set that grows while it is walked is walked to its end.
    for (const name of names) for (const other of Object.keys(model.services[name]?.depends_on ?? {})) names.add(other)
  }
  return [...names].filter((name) => model.services[name]?.attach !== false)
}
