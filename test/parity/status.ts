/**
 * How our commands and flags stand to Docker Compose's. Keys: `COMMAND`, `COMMAND --FLAG`, and `--FLAG` for those of every
 * command. What is not named here is the same; the flags of a command that is not here are not either. Who adds a command
 * or a flag takes its line out, or says what differs, and writes client/README.md anew:
 *
 *     npx vitest run --project unit test/unit/cli/parity.test.ts -u
 */

import { LEFT_OUT } from '../../client/cli/left-out.ts'

export type Status =
  | { readonly word: 'same' }
  /** There, and more than Compose's; or there, and not quite Compose's. */
  | { readonly word: 'better' | 'different'; readonly why: string }
  /** Not there, on purpose. */
  | { readonly word: 'left out'; readonly why: string }

const better = (why: string): Status => ({ word: 'better', why })
const different = (why: string): Status => ({ word: 'different', why })
const leftOut = (why: string): Status => ({ word: 'left out', why })

const LASTS = 'the daemon keeps it so: '

export const STATUS: Readonly<Record<string, Status>> = {
  '--compatibility': leftOut(LEFT_OUT.flags.compatibility!.why),
  '--dry-run': leftOut(LEFT_OUT.flags['dry-run']!.why),
  '--parallel': leftOut(LEFT_OUT.flags.parallel!.why),

  bridge: leftOut(LEFT_OUT.commands.bridge!.why),
  publish: leftOut(LEFT_OUT.commands.publish!.why),

  'build --builder': different('only `default`: the Engine’s own builder builds, in the daemon'),
  'build --memory': different('holds for the classic builder; a warning with BuildKit, which has no limit'),
  'build --ssh': better('the agent stays with the client, which signs for the daemon as long as the command runs'),
  pull: different('the others go on after one that fails; the exit code is 1'),
  'pull --quiet': better('silent but for warnings and errors'),
  push: different('the others go on after one that fails; the exit code is 1'),
  'push --quiet': better('silent but for warnings and errors'),
  cp: better('nothing is written through a link that a container made'),
  exec: better('a terminal only where input and output are terminals: a pipe needs no `-T`'),
  run: better('a terminal only where input and output are terminals: a pipe needs no `-T`'),

  'config --lock-image-digests': different('refused where an image has no digest: no registry is asked'),
  'config --resolve-image-digests': different('refused where an image has no digest: no registry is asked'),
  'config --no-env-resolution': better(
    'env files are named and left unread; Compose 2.40 reads them all the same, but for `--no-interpolate`',
  ),
  commit: better('an unknown service is told apart from one that does not run; healing does not end the pause'),
  events: better('what the daemon did, as well; events of the past from its own store'),
  export: better('an unknown service is told apart from one that does not run'),
  images: better('CREATED is when the image was made; an unknown service is an error'),
  kill: better(
    `${LASTS}SIGKILL, SIGTERM, SIGINT and a service's stop signal are a stop, also across restarts of Engine and daemon`,
  ),
  ls: better('stacks of the daemon, with their condition and revision'),
  pause: better(`${LASTS}also when the Engine starts anew; what is paused already is no error`),
  port: better('an unknown service is told apart from one that does not run; unpublished ports are not shown as 0'),
  ps: better('an unknown service is an error also without a file'),
  restart: better('services that were stopped or paused run afterwards'),
  rm: better(`${LASTS}nothing comes back before the next \`up\`, \`start\` or \`scale\``),
  scale: better('the daemon keeps the count; replicas are numbered without gaps'),
  start: better('containers that are missing are made'),
  stats: better('takes several services; an unknown one is an error'),
  stop: better(`${LASTS}also when the Engine starts anew`),
  top: better('an unknown service is an error'),
  up: different('returns when all is started; `--follow` then follows the logs'),
  'up --detach': different('is the default'),
  'up --menu': leftOut(LEFT_OUT.flags.menu!.why),
  'up --watch': better('the stack goes on when it is interrupted; `watch --no-up` joins again'),
  version: better('the versions of client and daemon'),
  watch: better(
    'works with a daemon elsewhere; folders that are ignored cost no watch; `*` in an ignore file is honoured',
  ),
  volumes: better('with services, those that their containers mount'),
}
