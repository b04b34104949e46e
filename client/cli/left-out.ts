/** What Docker Compose has and we do not, on purpose: whoever types it is told why, and what to type instead. */

interface LeftOut {
  readonly why: string
  /** It takes a value. */
  readonly value?: true
}

export const LEFT_OUT: {
  readonly flags: Readonly<Record<string, LeftOut>>
  readonly commands: Readonly<Record<string, LeftOut>>
} = {
  flags: {
    compatibility: {
      why: 'names of containers have dashes, as everywhere since Compose 2; limits under deploy.resources hold without it',
    },
    'dry-run': { why: '`evenkeel plan` shows what `up` would do, action by action and why, and changes nothing' },
    parallel: {
      why: 'the daemon bounds its own calls: 8 at a time for each stack, and all stacks take turns',
      value: true,
    },
    menu: { why: 'keys belong to what runs: `up --watch` watches, and Ctrl-C leaves the stack as it is' },
  },
  commands: {
    bridge: { why: 'it turns stacks into files for other platforms: `docker compose bridge` takes the same file' },
    publish: {
      why: 'stacks reach a daemon by `up`: `docker compose publish` takes the same file, and `evenkeel push` pushes images',
    },
  },
}

/** Undefined for a flag that Compose does not have either. */
export function leftOut(flag: string): string | undefined {
  const known = Object.hasOwn(LEFT_OUT.flags, flag) ? LEFT_OUT.flags[flag] : undefined
  return known === undefined ? undefined : `there is no --${flag} here: ${known.why}`
}
