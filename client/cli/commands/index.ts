/** All commands, in the order in which help shows them. */
import type { Command } from '../command.ts'
import config from './config.ts'
import down from './down.ts'
import events from './events.ts'
import history from './history.ts'
import info from './info.ts'
import logs from './logs.ts'
import ls from './ls.ts'
import plan from './plan.ts'
import ps from './ps.ts'
import restart from './restart.ts'
import scale from './scale.ts'
import start from './start.ts'
import stop from './stop.ts'
import systemBackup from './system/backup.ts'
import systemInstall from './system/install.ts'
import systemRestore from './system/restore.ts'
import systemUninstall from './system/uninstall.ts'
import up from './up.ts'
import version from './version.ts'
import volumeExport from './volume/export.ts'
import volumeImport from './volume/import.ts'
import volumeInspect from './volume/inspect.ts'
import volumeLs from './volume/ls.ts'
import volumeProtect from './volume/protect.ts'
import volumeRm from './volume/rm.ts'
import volumeUnprotect from './volume/unprotect.ts'

export const COMMANDS: readonly Command[] = [
  up,
  plan,
  down,
  ps,
  ls,
  logs,
  events,
  config,
  start,
  stop,
  restart,
  scale,
  history,
  version,
  info,
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
