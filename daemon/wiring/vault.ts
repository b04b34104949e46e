import type { Config } from '../config.ts'
import { systemClock } from '../reconcile/clock.ts'
import { secretsKey } from '../secrets/key.ts'
import { inMemory, MemoryFolder } from '../secrets/memory-folder.ts'
import type { Redactor } from '../secrets/redactor.ts'
import { Vault } from '../secrets/vault.ts'
import type { Store } from '../store/store.ts'

/** Read, or made, when first needed. */
export function secretsKeyOf(config: Config): () => Buffer {
  let key: Buffer | undefined
  return () => {
    key ??= secretsKey(config.state, process.env)
    return key
  }
}

export function vaultOf(config: Config, store: Store, redactor: Redactor, key: () => Buffer): Vault {
  let files: MemoryFolder | undefined
  return new Vault({
    store,
    redactor,
    key,
    files: () => {
      const root = files === undefined ? inMemory(config.secretsFolders) : undefined
      if (root !== undefined) files = new MemoryFolder(root, store.instance)
      return files
    },
    now: () => systemClock.now(),
  })
}
