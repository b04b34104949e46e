/** Whether there is a Docker Compose to compare with. */
import { execFileSync } from 'node:child_process'

/** Undefined where the plugin is not installed. */
export function composeVersion(): string | undefined {
  try {
    return execFileSync('docker', ['compose', 'version', '--short'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return undefined
  }
}
