/** All commands, in the order in which help shows them. */
import type { Command } from '../command.ts'
import attach from './attach.ts'
import config from './config.ts'
import cp from './cp.ts'
import down from './down.ts'
import events from './events.ts'
import exec from './exec.ts'
import history from './history.ts'
import info from './info.ts'
import logs from './logs.ts'
import ls from './ls.ts'
import plan from './plan.ts'
import ps from './ps.ts'
import restart from './restart.ts'
import run from './run.ts'
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
  run,
  attach,
  cp,
  config,
  start,
  stop,
  restart,
  scale,
  history,
  version,
  info,
]
