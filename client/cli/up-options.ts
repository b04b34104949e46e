/** Options that `up`, `plan` and `create` share. */
import { Problem } from '../../protocol/problems.ts'
import type { UpRequestInput } from '../../protocol/resources/stack.ts'
import type { Options, Values } from './command.ts'

export const UP_OPTIONS = {
  build: { type: 'boolean', describe: 'Build images before starting containers' },
  'no-build': { type: 'boolean', describe: "Don't build an image, even if it's policy" },
  pull: { type: 'string', describe: 'Pull image before running', choices: ['always', 'missing', 'never', 'build'] },
  'no-deps': { type: 'boolean', describe: "Don't start linked services" },
  'force-recreate': {
    type: 'boolean',
    describe: "Recreate containers even if their configuration and image haven't changed",
  },
  'always-recreate-deps': { type: 'boolean', describe: 'Recreate dependent containers too' },
  'no-recreate': { type: 'boolean', describe: "If containers already exist, don't recreate them" },
  'no-start': { type: 'boolean', describe: "Don't start the services after creating them" },
  'renew-anon-volumes': {
    type: 'boolean',
    alias: 'V',
    describe: 'Make anonymous volumes anew instead of keeping their data',
  },
  'remove-orphans': { type: 'boolean', describe: 'Remove containers for services not defined in the Compose file' },
  scale: { type: 'string', array: true, describe: 'Scale SERVICE to NUM instances', placeholder: 'SERVICE=NUM' },
  timeout: { type: 'number', alias: 't', describe: 'Seconds from the stop signal to SIGKILL', placeholder: 'SECONDS' },
} as const satisfies Options

/** Those of them that mean something to containers that are not started. */
export const CREATE_OPTIONS = {
  build: UP_OPTIONS.build,
  'no-build': UP_OPTIONS['no-build'],
  pull: { ...UP_OPTIONS.pull, choices: [...UP_OPTIONS.pull.choices, 'policy'], default: 'policy' },
  'quiet-pull': { type: 'boolean', describe: 'Pull without printing progress information' },
  'force-recreate': UP_OPTIONS['force-recreate'],
  'no-recreate': UP_OPTIONS['no-recreate'],
  'remove-orphans': UP_OPTIONS['remove-orphans'],
  scale: UP_OPTIONS.scale,
  yes: { type: 'boolean', alias: 'y', describe: 'Answer yes to questions' },
} as const satisfies Options

export function upOptionsOf(
  values: Partial<Values<typeof UP_OPTIONS>>,
  services: readonly string[],
): NonNullable<UpRequestInput['options']> {
  const exclude = (a: keyof typeof UP_OPTIONS, b: keyof typeof UP_OPTIONS) => {
    if (values[a] === true && values[b] === true) throw new Problem('bad-request', `--${a} and --${b} are incompatible`)
  }
  exclude('build', 'no-build')
  exclude('force-recreate', 'no-recreate')
  exclude('always-recreate-deps', 'no-recreate')
  return {
    services: [...services],
    dependencies: values['no-deps'] === true ? 'ignore' : 'include',
    recreate:
      values['no-recreate'] === true
        ? 'never'
        : values['always-recreate-deps'] === true
          ? 'force-all'
          : values['force-recreate'] === true
            ? 'force'
            : 'changed',
    start: values['no-start'] === true ? 'create-only' : 'start',
    build: values.build === true ? 'always' : values['no-build'] === true ? 'never' : 'missing',
    scale: scaleOf(values.scale ?? []),
    orphans: values['remove-orphans'] === true ? 'remove' : 'keep',
    anonymousVolumes: values['renew-anon-volumes'] === true ? 'renew' : 'keep',
    ...(values.pull === undefined ? {} : { pull: values.pull as 'always' }),
    ...(values.timeout === undefined ? {} : { timeoutSeconds: values.timeout }),
  }
}

/** `SERVICE=NUM` pairs. */
export function scaleOf(words: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    words.map((word) => {
      const match = /^([^=]+)=(\d+)$/.exec(word)
      if (match === null)
        throw new Problem('bad-request', `invalid scale specifier: ${word}`, {
          hint: 'write SERVICE=NUM, such as web=3',
        })
      return [match[1]!, Number(match[2])]
    }),
  )
}
