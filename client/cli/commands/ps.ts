import { Problem } from '../../../protocol/problems.ts'
import type { Container, CrashLoop } from '../../../protocol/resources/container.ts'
import { command } from '../command.ts'
import { FORMAT_OPTION, type Shape } from '../format-option.ts'
import { heldWords } from '../render/hold.ts'
import { driftWords } from '../render/plan.ts'
import { ago, table } from '../render/table.ts'
import { trialLines } from '../render/trial.ts'

export default command({
  name: 'ps',
  positional: '[SERVICE...]',
  describe: 'List containers of the stack',
  options: {
    all: { type: 'boolean', alias: 'a', describe: 'Show all stopped containers' },
    orphans: { type: 'string', describe: 'Include orphaned services', choices: ['true', 'false'], default: 'true' },
    status: {
      type: 'string',
      array: true,
      describe: 'Filter services by status',
      choices: ['paused', 'restarting', 'removing', 'running', 'dead', 'created', 'exited'],
    },
    filter: { type: 'string', describe: 'Filter services by a property (status=...)', placeholder: 'KEY=VALUE' },
    quiet: { type: 'boolean', alias: 'q', describe: 'Only display IDs' },
    services: { type: 'boolean', describe: 'Display services' },
    'no-trunc': { type: 'boolean', describe: "Don't truncate output" },
    format: FORMAT_OPTION,
  },
  async run(context, values, services) {
    const stack = await context.stackName()
    const { output } = context
    // Scripts that ask for ids or names alone do not wait for what they do not see.
    const drift = values.quiet === true || values.services === true ? 'omit' : 'show'
    const {
      containers: known,
      held,
      trial,
      concerns = [],
    } = await context.api.call('containers', { stack }, undefined, { drift }).catch((error: unknown) => {
      // As Compose: a stack that does not exist has no containers.
      if (error instanceof Problem && error.code === 'stack-not-found')
        return { containers: [], held: undefined, trial: undefined, concerns: [] }
      throw error
    })
    if (held !== undefined) context.warn(heldWords(stack, held))
    if (trial !== undefined) context.warn(trialLines(trial))
    for (const service of services) {
      if (!known.some((container) => container.service === service))
        throw new Problem('service-not-found', `no such service: ${service}`)
    }
    const status = values.filter === undefined ? (values.status ?? []) : [statusOf(values.filter)]
    const shown = known.filter(
      (container) =>
        (!container.oneOff || values.all === true) &&
        (services.length === 0 || services.includes(container.service)) &&
        (values.orphans !== 'false' || !container.orphan) &&
        (status.length > 0 ? status.includes(container.state) : values.all === true || isUp(container)),
    )
    if (values.quiet === true) {
      for (const { id } of shown) output.line(id)
    } else if (values.services === true) {
      for (const service of new Set(shown.map((container) => container.service))) output.line(service)
    } else if (values.format === 'json') {
      for (const container of shown) {
        const { revision, crashLoop, drift } = container
        output.line(
          JSON.stringify({
            ...fieldsOf(container),
            Revision: revision,
            ...(crashLoop === undefined ? {} : { CrashLoop: crashLoop }),
            ...(drift === undefined ? {} : { Drift: drift }),
          }),
        )
      }
    } else if (values.format === 'table' || values.format === '') {
      output.line(tableOf(shown, values['no-trunc'] === true ? 'whole' : 'short'))
      for (const container of shown) for (const words of troublesOf(container)) context.warn(words)
      for (const words of concerns) context.warn(words)
    } else {
      const { renderFormat, withLabels } = await import('../render/format.ts')
      const rows = shown.map((container) => withLabels(fieldsOf(container), container.labels))
      const text = renderFormat(values.format, rows, SHAPE)
      if (text !== '' || rows.length > 0) output.line(text)
    }
    return 0
  },
})

const SHAPE: Shape = {
  type: '*formatter.ContainerContext',
  heads: {
    ID: 'CONTAINER ID',
    Name: 'NAME',
    Service: 'SERVICE',
    Image: 'IMAGE',
    Command: 'COMMAND',
    CreatedAt: 'CREATED AT',
    RunningFor: 'CREATED',
    Ports: 'PORTS',
    State: 'STATE',
    Status: 'STATUS',
    Size: 'SIZE',
    Labels: 'LABELS',
    Project: 'PROJECT',
  },
  raw: 'container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\nstate: {{.State}}\nstatus: {{.Status}}\nnames: {{.Names}}\nlabels: {{.Labels}}\nports: {{.Ports}}\n',
}

/** As Go prints a time, in UTC. */
const goTime = (at: string): string => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`

const isUp = ({ state }: Container): boolean => state === 'running' || state === 'paused' || state === 'restarting'

function statusOf(filter: string): string {
  const match = /^status=(.+)$/.exec(filter)
  if (match === null) throw new Problem('bad-request', `unknown filter: ${filter}`, { hint: 'write status=running' })
  return match[1]!
}

function tableOf(containers: readonly Container[], width: 'short' | 'whole'): string {
  const now = new Date()
  return table(
    ['NAME', 'IMAGE', 'COMMAND', 'SERVICE', 'CREATED', 'STATUS', 'PORTS'],
    containers.map((container) => [
      container.name,
      container.image,
      `"${width === 'whole' || container.command.length <= 20 ? container.command : `${container.command.slice(0, 19)}…`}"`,
      container.service,
      ago(container.createdAt, now),
      statusWords(container),
      portsOf(container),
    ]),
  )
}

/** The Engine's words, and what they do not say. */
function statusWords({ status, crashLoop, drift }: Container): string {
  const words = crashLoop === undefined ? status : `crash-looping (${exitWords(crashLoop)}), ${status}`
  return drift === undefined ? words : `${words}, drifted`
}

const exitWords = ({ exitCode, outOfMemory, times }: CrashLoop): string =>
  `exit ${exitCode}${outOfMemory ? ', out of memory' : ''}, ${times} times`

function troublesOf({ name, crashLoop, drift = [] }: Container): string[] {
  const crash =
    crashLoop === undefined
      ? []
      : [[`${name} is crash-looping: ${exitWords(crashLoop)}`, ...crashLoop.lastLines.map((line) => `  | ${line}`)]]
  return [...crash.map((lines) => lines.join('\n')), ...drift.map((field) => `${name}: ${driftWords(field)}`)]
}

export function portsOf({ publishers }: Pick<Container, 'publishers'>): string {
  return publishers
    .map(({ url, publishedPort, targetPort, protocol }) =>
      publishedPort === 0
        ? `${targetPort}/${protocol}`
        : `${url.includes(':') ? `[${url}]` : url}:${publishedPort}->${targetPort}/${protocol}`,
    )
    .join(', ')
}

/** The keys of `docker compose ps --format json`. */
function fieldsOf(container: Container): Record<string, unknown> {
  return {
    Command: `"${container.command}"`,
    CreatedAt: goTime(container.createdAt),
    ExitCode: container.exitCode ?? 0,
    Health: container.health === 'none' ? '' : container.health,
    ID: container.id.slice(0, 12),
    Image: container.image,
    Labels: Object.entries(container.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    LocalVolumes: String(container.mounts.filter((name) => !name.startsWith('/')).length),
    Mounts: container.mounts.join(','),
    Name: container.name,
    Names: container.name,
    Networks: container.networks.join(','),
    Ports: portsOf(container),
    Project: container.stack,
    Publishers: container.publishers.map(({ url, targetPort, publishedPort, protocol }) => ({
      URL: url,
      TargetPort: targetPort,
      PublishedPort: publishedPort,
      Protocol: protocol,
    })),
    RunningFor: ago(container.createdAt, new Date()),
    Service: container.service,
    // The Engine is not asked for sizes: it would read whole file systems.
    Size: '0B',
    State: container.state,
    Status: container.status,
  }
}
