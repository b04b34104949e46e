/** What is done to a state folder while no daemon is on it, and then ends. */
import type { Config } from '../config.ts'
import { engineAddress } from '../engine/address.ts'
import { connectEngine } from '../engine/connect.ts'
import { systemClock } from '../reconcile/clock.ts'
import { Redactor } from '../secrets/redactor.ts'
import { openStore } from '../store/store.ts'
import { secretsKeyOf, vaultOf } from './vault.ts'

export async function restoreState(config: Config, file: string): Promise<void> {
  const { restore, restoreReport } = await import('../storage/restore.ts')
  process.stdout.write(restoreReport(await restore(config.state, file, systemClock.now())))
}

export async function rebuildState(config: Config): Promise<void> {
  const { rebuild, rebuildReport } = await import('../storage/rebuild.ts')
  const engine = connectEngine(engineAddress(config.engine, process.env))
  try {
    process.stdout.write(rebuildReport(await rebuild(config.state, engine, systemClock.now())))
  } finally {
    await engine.close()
  }
}

export function fillSecrets(config: Config): void {
  const store = openStore(config.state)
  try {
    const vault = vaultOf(config, store, new Redactor(), secretsKeyOf(config))
    process.stdout.write(`Wrote ${vault.fill()} secret(s).\n`)
  } finally {
    store.close()
  }
}
