/** Secrets of stacks: sealed in the state, open in memory alone, in files that containers mount. */
import { Problem } from '../../protocol/problems.ts'
import type { SecretRow } from '../store/secrets.ts'
import type { Store } from '../store/store.ts'
import { seal, unseal } from './cipher.ts'
import type { MemoryFolder } from './memory-folder.ts'
import type { Redactor } from './redactor.ts'

/** Of all stacks: each is a file in memory. */
const SECRETS_LIMIT = 10_000
export const SECRET_LIMIT_BYTES = 1_000_000
/** Of all together: they are in memory. */
export const SECRETS_LIMIT_BYTES = 64 * 1024 ** 2

export interface VaultParts {
  readonly store: Pick<Store, 'secrets' | 'transaction'>
  /** Read, or made, when first needed: who keeps no secrets has no key. */
  readonly key: () => Buffer
  /** Undefined: no folder in memory was found, so that there can be none. */
  readonly files: () => MemoryFolder | undefined
  readonly redactor: Redactor
  readonly now: () => Date
}

export type Expected = 'create' | 'replace' | 'either'

export class Vault {
  readonly #with: VaultParts

  constructor(parts: VaultParts) {
    this.#with = parts
  }

  list(stack: string): Omit<SecretRow, 'sealed'>[] {
    return this.#with.store.secrets.of(stack).map(({ sealed: _, ...row }) => row)
  }

  set(stack: string, name: string, value: Buffer, expected: Expected, by: string): Omit<SecretRow, 'sealed'> {
    const { store, key, redactor, now } = this.#with
    if (value.length === 0 || value.length > SECRET_LIMIT_BYTES)
      throw new Problem('bad-request', `a secret has 1 to ${SECRET_LIMIT_BYTES} bytes, not ${value.length}`)
    const before = store.secrets.find(stack, name)
    if (before === undefined && expected === 'replace') throw noSecret(stack, name)
    if (before !== undefined && expected === 'create')
      throw new Problem('conflict', `stack ${stack} has a secret ${name} already`, {
        hint: `give it another value: evenkeel -p ${stack} secret rotate ${name}`,
      })
    if (before === undefined && store.secrets.all().length >= SECRETS_LIMIT)
      throw new Problem('conflict', `there are ${SECRETS_LIMIT} secrets already`)
    const present = store.secrets.totalBytes() - (before?.sealed.length ?? 0)
    if (present + value.length > SECRETS_LIMIT_BYTES)
      throw new Problem('conflict', `all secrets together have at most ${SECRETS_LIMIT_BYTES / 1024 ** 2} MiB`, {
        hint: 'remove some: evenkeel secret rm',
      })
    const files = this.#files()
    // Before anything can be told of it.
    redactor.add(`${stack}/${name}`, value)
    const at = now().toISOString()
    const label = { stack, name, version: (before?.version ?? 0) + 1 }
    const sealed = seal(value, label, key())
    const row = { ...label, createdAt: before?.createdAt ?? at, updatedAt: at, updatedBy: by }
    store.transaction(() => store.secrets.put({ ...row, sealed }))
    files.write(stack, name, value)
    return row
  }

  remove(stack: string, name: string): void {
    const { store, files } = this.#with
    if (store.secrets.find(stack, name) === undefined) throw noSecret(stack, name)
    store.transaction(() => store.secrets.remove(stack, name))
    files()?.remove(stack, name)
  }

  /** Throws where a stack names one that there is not. */
  mustHave(stack: string, names: readonly string[]): void {
    const missing = names.filter((name) => this.#with.store.secrets.find(stack, name) === undefined)
    if (missing.length > 0) throw noSecret(stack, missing.join(', '))
  }

  /** The file of it, for a container to mount. */
  pathOf(stack: string, name: string): string {
    this.mustHave(stack, [name])
    return this.#files().pathOf(stack, name)
  }

  /** In the clear, for what takes no file. */
  valueOf(stack: string, name: string): Buffer {
    const row = this.#with.store.secrets.find(stack, name)
    if (row === undefined) throw noSecret(stack, name)
    return unseal(row.sealed, row, this.#with.key())
  }

  /** Writes all files: memory is empty after a boot. Answers how many; throws the first that cannot be opened, after the others. */
  fill(): number {
    const { store, key, files, redactor } = this.#with
    const rows = store.secrets.all()
    if (rows.length === 0) return 0
    const folder = this.#files()
    const failures: unknown[] = []
    for (const row of rows) {
      try {
        const value = unseal(row.sealed, row, key())
        redactor.add(`${row.stack}/${row.name}`, value)
        folder.write(row.stack, row.name, value)
      } catch (error) {
        failures.push(error)
      }
    }
    files()?.keepOnly(new Set(rows.map(({ stack, name }) => `${stack}/${name}`)))
    if (failures.length > 0) throw failures[0]
    return rows.length
  }

  #files(): MemoryFolder {
    const files = this.#with.files()
    if (files !== undefined) return files
    throw new Problem('unsupported', 'there is no folder in memory for files of secrets on this machine', {
      hint: 'give one on a tmpfs: evenkeeld --secrets DIR',
    })
  }
}

const noSecret = (stack: string, name: string): Problem =>
  new Problem('secret-not-found', `stack ${stack} has no secret ${name}`, {
    hint: `set it: evenkeel -p ${stack} secret set ${name.split(',')[0]} < FILE`,
  })
