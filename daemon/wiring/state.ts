import { type Logger, pino } from 'pino'
import type { Config } from '../config.ts'
import { Redactor } from '../secrets/redactor.ts'
import type { Vault } from '../secrets/vault.ts'
import { emptyBackupFolder } from '../storage/backup.ts'
import { openStore, type Store } from '../store/store.ts'
import { secretsKeyOf, vaultOf } from './vault.ts'

/** What is there before an Engine is: the log, the database, the secrets. */
export interface State {
  readonly log: Logger
  readonly redact: (text: string) => string
  readonly store: Store
  readonly vault: Vault
  /** What secrets, and the keys of certificates, are sealed with. */
  readonly key: () => Buffer
}

export async function openState(config: Config, startedAt: Date): Promise<State> {
  const redactor = new Redactor()
  const { redact } = redactor
  const out = { write: (line: string) => process.stdout.write(redact(line)) }
  const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, out)
  const store = openStore(config.state, redact)
  const key = secretsKeyOf(config)
  const vault = vaultOf(config, store, redactor, key)
  try {
    vault.fill()
  } catch (err) {
    log.error({ err }, 'not all secrets are there for containers')
  }
  if (config.hold)
    store.transaction(() =>
      store.holds.add({ stack: undefined, since: startedAt.toISOString(), by: 'evenkeeld --hold' }),
    )
  await emptyBackupFolder(config.state)
  return { log, redact, store, vault, key }
}
