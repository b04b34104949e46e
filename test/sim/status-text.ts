/** The Engine's words for the state of a container, as `GET /containers/json` has them (moby container/state.go). */
import type { Shown } from './simulated-objects.ts'

export function statusText(container: Shown, nowMs: number): string {
  switch (container.state) {
    case 'running': {
      const up = `Up ${humanDuration(nowMs - container.startedAtMs)}`
      if (container.health === undefined) return up
      return `${up} (${container.health === 'starting' ? 'health: starting' : container.health})`
    }
    case 'paused':
      return `Up ${humanDuration(nowMs - container.startedAtMs)} (Paused)`
    case 'restarting':
      return `Restarting (${container.exitCode}) ${humanDuration(nowMs - container.finishedAtMs)} ago`
    case 'removing':
      return 'Removal In Progress'
    case 'dead':
      return 'Dead'
    case 'created':
      return 'Created'
    case 'exited':
      return `Exited (${container.exitCode}) ${humanDuration(nowMs - container.finishedAtMs)} ago`
  }
}

/** github.com/docker/go-units HumanDuration. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 1) return 'Less than a second'
  if (seconds === 1) return '1 second'
  if (seconds < 60) return `${seconds} seconds`
  const minutes = Math.floor(seconds / 60)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.round(seconds / 3600)
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  if (hours < 24 * 14) return `${Math.floor(hours / 24)} days`
  if (hours < 24 * 60) return `${Math.floor(hours / 24 / 7)} weeks`
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`
  return `${Math.floor(hours / 24 / 365)} years`
}
