/** What the commands that deal with systemd have in common. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { Problem } from '../../protocol/problems.ts'
import { MARK, UNIT_PATH } from './systemd-unit.ts'

const SYSTEMCTL_MS = 120_000

/** As sd_booted(3) tells it. */
export function mustBeRootOnSystemd(uid: number | undefined, runtime = '/run/systemd/system'): void {
  if (!existsSync(runtime)) {
    throw new Problem('unsupported', 'systemd does not run this machine', {
      hint: 'have your own init run evenkeeld; `evenkeel system install --print` shows the unit for other machines',
    })
  }
  if (uid !== 0) throw new Problem('unsupported', 'only root may do this', { hint: 'sudo evenkeel system ...' })
}

/** Undefined where there is none. One that somebody else wrote is not touched. */
export function ourUnit(path = UNIT_PATH): string | undefined {
  if (!existsSync(path)) return undefined
  const text = readFileSync(path, 'utf8')
  if (text.startsWith(MARK)) return text
  throw new Problem('conflict', `${path} was not written by evenkeel`, { hint: 'move it away first' })
}

export function systemctl(...words: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('systemctl', words, { timeout: SYSTEMCTL_MS }, (error, _, complaints) => {
      if (error === null) resolve()
      else
        reject(
          new Problem('internal', `systemctl ${words.join(' ')} failed: ${complaints.trim() || error.message}`, {
            hint: 'see: journalctl -u evenkeeld',
            cause: error,
          }),
        )
    })
  })
}
