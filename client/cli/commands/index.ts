/** All commands, in the order in which help shows them. */
import type { Command } from '../command.ts'
import abort from './abort.ts'
import accessLog from './access-log.ts'
import adopt from './adopt.ts'
import attach from './attach.ts'
import audit from './audit.ts'
import build from './build.ts'
import cancel from './cancel.ts'
import certificateImport from './certificate/import.ts'
import certificateLs from './certificate/ls.ts'
import certificateRm from './certificate/rm.ts'
import commit from './commit.ts'
import completion from './completion.ts'
import config from './config.ts'
import contextAdd from './context/add.ts'
import contextExport from './context/export.ts'
import contextImport from './context/import.ts'
import contextLs from './context/ls.ts'
import contextRm from './context/rm.ts'
import contextUse from './context/use.ts'
import cp from './cp.ts'
import create from './create.ts'
import deploy from './deploy.ts'
import dialStdio from './dial-stdio.ts'
import diff from './diff.ts'
import dns from './dns.ts'
import down from './down.ts'
import eject from './eject.ts'
import events from './events.ts'
import exec from './exec.ts'
import exportCommand from './export.ts'
import gc from './gc.ts'
import history from './history.ts'
import hold from './hold.ts'
import images from './images.ts'
import info from './info.ts'
import inviteAccept from './invite/accept.ts'
import inviteCreate from './invite/create.ts'
import inviteLs from './invite/ls.ts'
import inviteRm from './invite/rm.ts'
import kill from './kill.ts'
import label from './label.ts'
import logs from './logs.ts'
import ls from './ls.ts'
import pause from './pause.ts'
import pauseTraffic from './pause-traffic.ts'
import plan from './plan.ts'
import port from './port.ts'
import promote from './promote.ts'
import ps from './ps.ts'
import pull from './pull.ts'
import push from './push.ts'
import restart from './restart.ts'
import resume from './resume.ts'
import resumeTraffic from './resume-traffic.ts'
import rm from './rm.ts'
import roleLs from './role/ls.ts'
import roleRm from './role/rm.ts'
import roleSet from './role/set.ts'
import rollback from './rollback.ts'
import run from './run.ts'
import scale from './scale.ts'
import secretLs from './secret/ls.ts'
import secretRm from './secret/rm.ts'
import secretRotate from './secret/rotate.ts'
import secretSet from './secret/set.ts'
import show from './show.ts'
import start from './start.ts'
import stats from './stats.ts'
import stop from './stop.ts'
import systemBackup from './system/backup.ts'
import systemInstall from './system/install.ts'
import systemRestore from './system/restore.ts'
import systemTlsClient from './system/tls-client.ts'
import systemTlsInit from './system/tls-init.ts'
import systemUninstall from './system/uninstall.ts'
import teamJoin from './team/join.ts'
import teamLeave from './team/leave.ts'
import teamLs from './team/ls.ts'
import teamRm from './team/rm.ts'
import teamSet from './team/set.ts'
import tokenCreate from './token/create.ts'
import tokenLs from './token/ls.ts'
import tokenRm from './token/rm.ts'
import top from './top.ts'
import unpause from './unpause.ts'
import up from './up.ts'
import userLs from './user/ls.ts'
import userRm from './user/rm.ts'
import userSet from './user/set.ts'
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
import whoami from './whoami.ts'

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
  show,
  rollback,
  accessLog,
  deploy,
  promote,
  abort,
  cancel,
  hold,
  resume,
  pauseTraffic,
  resumeTraffic,
  adopt,
  eject,
  dns,
  diff,
  version,
  info,
  completion,
  whoami,
  label,
  gc,
  audit,
  contextAdd,
  contextUse,
  contextLs,
  contextRm,
  contextExport,
  contextImport,
  secretSet,
  secretRotate,
  secretLs,
  secretRm,
  certificateLs,
  certificateImport,
  certificateRm,
  tokenCreate,
  tokenLs,
  tokenRm,
  userSet,
  userLs,
  userRm,
  teamSet,
  teamJoin,
  teamLeave,
  teamLs,
  teamRm,
  roleSet,
  roleLs,
  roleRm,
  inviteCreate,
  inviteLs,
  inviteRm,
  inviteAccept,
  dialStdio,
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
  systemTlsInit,
  systemTlsClient,
]

/** First words of commands that have two. */
export const GROUPS: Readonly<Record<string, string>> = {
  certificate: 'Certificates of hosts that are served over HTTPS',
  context: 'Name daemons elsewhere, and choose the one to talk to',
  invite: 'Invite people to become users',
  role: 'Make roles by permission',
  secret: 'Give stacks secrets that are kept sealed, and rotate them',
  system: 'Back up and restore the daemon, have systemd run it, make certificates',
  team: 'Give users rights together',
  token: 'Make and revoke tokens for people and programs',
  user: 'Say who may do what',
  volume: 'Manage volumes of stacks',
}
