/** Restart policies (moby restartmanager). */
import type { SimulatedContainer } from './simulated-objects.ts'

const FIRST_RESTART_MS = 100
const LAST_RESTART_MS = 60_000

export function shouldRestart(container: SimulatedContainer): boolean {
  const { Name, MaximumRetryCount } = container.policy
  if (Name === 'always') return true
  if (Name === 'unless-stopped') return !container.manuallyStopped
  if (Name !== 'on-failure') return false
  return container.exitCode !== 0 && (MaximumRetryCount === 0 || container.failures < MaximumRetryCount)
}

/** Twice as long with each failure. */
export const restartDelayMs = ({ failures }: SimulatedContainer): number =>
  Math.min(FIRST_RESTART_MS * 2 ** (failures - 1), LAST_RESTART_MS)
