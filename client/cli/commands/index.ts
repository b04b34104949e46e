/** All commands, in the order in which help shows them. */
import type { Command } from '../command.ts'
import adopt from './adopt.ts'
import attach from './attach.ts'
import build from './build.ts'
import config from './config.ts'
import cp from './cp.ts'
import create from './create.ts'
import down from './down.ts'
import eject from './eject.ts'
import events from './events.ts'
import exec from './exec.ts'
import history from './history.ts'
import hold from './hold.ts'
import info from './info.ts'
import logs from './logs.ts'
import ls from './ls.ts'
import plan from './plan.ts'
import ps from './ps.ts'
import pull from './pull.ts'
import push from './push.ts'
import restart from './restart.ts'
import resume from './resume.ts'
import scale from './scale.ts'
import start from './start.ts'
import stop from './stop.ts'
import up from './up.ts'
import version from './version.ts'

export const COMMANDS: readonly Command[] = [
  up,
  plan,
  down,
  ps,
  ls,
  logs,
  events,
  exec,
  attach,
  cp,
  config,
  build,
  pull,
  push,
  create,
  start,
  stop,
  restart,
  scale,
  history,
  hold,
  resume,
  adopt,
  eject,
  version,
  info,
]
