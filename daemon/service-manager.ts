/**
 * Tells systemd how the daemon is, where systemd started it (`Type=notify`). Its socket takes datagrams, which Node cannot
 * send: its own program does.
 */
import { execFile } from 'node:child_process'

/** Where systemd cannot be told, it waits, and says so itself in the end. */
const NOTIFY_MS = 5000

/** Never rejects: a daemon that runs is worth more than one that is known to. */
export function tellServiceManager(
  state: 'READY=1' | 'STOPPING=1',
  environment: Readonly<Record<string, string | undefined>>,
  log: { warn(fields: object, message: string): void },
): Promise<void> {
  if (!environment.NOTIFY_SOCKET) return Promise.resolve()
  return new Promise((resolve) => {
    execFile('systemd-notify', [state], { timeout: NOTIFY_MS, env: { ...environment } }, (error) => {
      if (error !== null) log.warn({ err: error }, `systemd could not be told ${state} (systemd-notify)`)
      resolve()
    })
  })
}
