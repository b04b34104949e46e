import { Problem } from '../../../protocol/problems.ts'
import type { TrialOptions } from '../../../protocol/resources/stack.ts'
import { parseDuration } from '../../../protocol/stackfile/units.ts'
import { LONGEST_KEEP_SECONDS } from '../../../protocol/traffic.ts'
import { command, type Values } from '../command.ts'
import { declareStack } from '../declare-stack.ts'
import { followDeployment } from '../follow-deployment.ts'
import { prepareUp } from '../prepare-up.ts'
import { renderPlan } from '../render/plan.ts'
import { trialLines } from '../render/trial.ts'
import { UP_OPTIONS, upOptionsOf } from '../up-options.ts'

const OPTIONS = {
  canary: {
    type: 'string',
    describe: 'Beside what serves, with so much of what is new (1% to 99%), until promote or abort',
    placeholder: 'PERCENT',
  },
  'blue-green': {
    type: 'boolean',
    describe: 'All of it beside what serves; then all that is new goes there at once, and back with abort',
  },
  'by-hand': { type: 'boolean', describe: 'With --blue-green: have it stand by until promote' },
  keep: {
    type: 'string',
    describe: 'With --blue-green: for how long what served before stands by (at most 7 days); then it is promoted',
    placeholder: 'DURATION',
    default: '10m',
  },
  build: UP_OPTIONS.build,
  'no-build': UP_OPTIONS['no-build'],
  pull: UP_OPTIONS.pull,
  'no-deps': UP_OPTIONS['no-deps'],
  'remove-orphans': UP_OPTIONS['remove-orphans'],
  timeout: UP_OPTIONS.timeout,
  'wait-timeout': { type: 'number', describe: 'Maximum duration in seconds to wait', placeholder: 'SECONDS' },
  note: { type: 'string', alias: 'm', describe: 'Why, for the history', placeholder: 'TEXT' },
  'dry-run': { type: 'boolean', describe: 'Only show what would be done, and why' },
  'quiet-pull': { type: 'boolean', describe: 'Pull without printing progress information' },
  'quiet-build': { type: 'boolean', describe: 'Suppress the build output' },
  yes: { type: 'boolean', alias: 'y', describe: 'Answer yes to questions' },
} as const

export default command({
  name: 'deploy',
  positional: '[SERVICE...]',
  describe: `Bring a stack up and wait until it is ready, or have its new version beside the old one first

With --canary or --blue-green what changed comes up beside what serves; the ingress divides what is new between both. Services that are not behind the ingress stay as they were until it is promoted. Again with another share it changes that of the canary that is under way.`,
  options: OPTIONS,
  examples: [
    ['evenkeel deploy --canary 10%', 'a tenth of the requests for the new version; then: evenkeel promote, or abort'],
    ['evenkeel deploy --blue-green --keep 1h', 'all at once, with an hour for: evenkeel abort'],
  ],
  async run(context, values, services) {
    const trial = trialOf(values)
    const { api, output } = context
    const { loadNamed } = await import('../load-named.ts')
    const loaded = loadNamed(context, services)
    const stack = loaded.model.name
    const options = {
      ...upOptionsOf(values, services),
      wait: 'ready' as const,
      ...(values['wait-timeout'] === undefined ? {} : { waitTimeoutSeconds: values['wait-timeout'] }),
      ...(trial === undefined ? {} : { trial }),
    }
    const note = values.note === undefined ? {} : { note: values.note }
    if (values['dry-run'] === true) {
      // A preview sends no build contexts: whether something is built is known without them.
      const request = await prepareUp(context, loaded, { ...options, build: 'never' }, 'preview')
      const plan = await api.call('plan', { stack }, { ...request, options })
      for (const warning of plan.warnings) context.warn(warning)
      output.line(renderPlan(plan, output))
      return 0
    }
    const request = { ...(await prepareUp(context, loaded, options)), ...note }
    const accepted = await declareStack(context, request, values.yes === true)
    await followDeployment(context, accepted, {
      pullProgress: values['quiet-pull'] === true,
      builds: values['quiet-build'] === true,
    })
    const { trial: begun } = trial === undefined ? {} : await api.call('stack', { stack })
    if (begun !== undefined) output.note(trialLines(begun))
    return 0
  },
})

function trialOf(values: Values<typeof OPTIONS>): TrialOptions | undefined {
  const isBlueGreen = values['blue-green'] === true
  if (!isBlueGreen && values['by-hand'] === true)
    throw new Problem('bad-request', '--by-hand is for --blue-green alone', {
      hint: 'a canary waits for promote or abort in any case',
    })
  if (values.canary === undefined)
    return isBlueGreen
      ? {
          strategy: 'blue-green',
          flip: values['by-hand'] === true ? 'by-hand' : 'when-ready',
          keepSeconds: secondsOf(values.keep),
        }
      : undefined
  if (isBlueGreen) throw new Problem('bad-request', '--canary and --blue-green are incompatible')
  const share = Number(/^([1-9]\d?) ?%?$/.exec(values.canary)?.[1] ?? Number.NaN)
  if (Number.isNaN(share))
    throw new Problem('bad-request', `"${values.canary}" is no share for a canary`, {
      hint: 'whole percent, from 1% to 99%',
    })
  return { strategy: 'canary', share }
}

function secondsOf(duration: string): number {
  const seconds = Math.ceil((parseDuration(duration) ?? 0) / 1e9)
  if (seconds >= 1 && seconds <= LONGEST_KEEP_SECONDS) return seconds
  throw new Problem('bad-request', `"${duration}" is no time for which containers can be kept`, {
    hint: 'such as 10m or 24h; 7 days (168h) at most',
  })
}
