/** All commands, in the order in which help shows them. */
import type { Command } from '../command.ts'
import adopt from './adopt.ts'
import attach from './attach.ts'
import build from './build.ts'
import commit from './commit.ts'
import completion from './completion.ts'
import config from './config.ts'
import cp from './cp.ts'
import create from './create.ts'
import diff from './diff.ts'
import down from './down.ts'
import eject from './eject.ts'
import events from './events.ts'
import exec from './exec.ts'
import exportCommand from './export.ts'
import history from './history.ts'
import hold from './hold.ts'
import images from './images.ts'
import info from './info.ts'
import kill from './kill.ts'
import logs from './logs.ts'
import ls from './ls.ts'
import pause from './pause.ts'
import plan from './plan.ts'
import port from './port.ts'
import ps from './ps.ts'
import pull from './pull.ts'
import push from './push.ts'
import restart from './restart.ts'
import resume from './resume.ts'
import rm from './rm.ts'
import run from './run.ts'
import scale from './scale.ts'
import start from './start.ts'
import stats from './stats.ts'
import stop from './stop.ts'
import systemBackup from './system/backup.ts'
import systemInstall from './system/install.ts'
import systemRestore from './system/restore.ts'
import systemUninstall from './system/uninstall.ts'
import top from './top.ts'
import unpause from './unpause.ts'
import up from './up.ts'
import version from './version.ts'
import volumeExport from './volume/export.ts'
import volumeImport from './volume/import.ts'
import volumeInspect from './volume/inspect.ts'
import volumeLs from './volume/ls.ts'
import volumeProtect from './volume/protect.ts'
import volumeRm from './volume/rm.ts'
import volumeUnprotect from './volume/unprotect.ts'
import volumes from './volumes.ts'
import wait from './wait.ts'
import watch from './watch.ts'

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
  build,
  pull,
  push,
  create,
  start,
  stop,
  restart,
  kill,
  pause,
  unpause,
  rm,
  scale,
  top,
  stats,
  port,
  images,
  volumes,
  wait,
  watch,
  exportCommand,
  commit,
  history,
  hold,
  resume,
  adopt,
  eject,
  diff,
  version,
  info,
  completion,
  volumeLs,
  volumeInspect,
  volumeRm,
  volumeExport,
  volumeImport,
  volumeProtect,
  volumeUnprotect,
  systemBackup,
  systemRestore,
  systemInstall,
  systemUninstall,
]

/** First words of commands that have two. */
export const GROUPS: Readonly<Record<string, string>> = {
  system: 'Back up and restore the daemon, and have systemd run it',
  volume: 'Manage volumes of stacks',
}
