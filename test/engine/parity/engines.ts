/** Which Engines the suite runs on, and whether there is a Docker Compose to compare with. */
import { execFileSync } from 'node:child_process'

/** From EVENKEEL_TEST_ENGINES (comma-separated), else DOCKER_HOST, else this machine's. */
export function engineUrls(env: Readonly<Record<string, string | undefined>>): string[] {
  const named = (env.EVENKEEL_TEST_ENGINES ?? '').split(',').filter((url) => url !== '')
  return named.length > 0 ? named : [env.DOCKER_HOST || 'unix:///var/run/docker.sock']
}

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
