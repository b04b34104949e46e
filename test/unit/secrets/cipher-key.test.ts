import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seal, unseal } from '../../../daemon/secrets/cipher.ts'
import { KEY_FILE, secretsKey } from '../../../daemon/secrets/key.ts'
import { problemOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const KEY = Buffer.alloc(32, 7)
const LABEL = { stack: 'shop', name: 'db', version: 1 }

describe('a sealed secret', () => {
  test('is opened by its key to the very bytes, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        expect(unseal(seal(Buffer.from(bytes), LABEL, KEY), LABEL, KEY)).toEqual(Buffer.from(bytes))
      }),
    )
  })

  test('shows nothing of its value, and is another one each time', () => {
    const value = Buffer.from('correct horse battery staple')
    const [one, other] = [seal(value, LABEL, KEY), seal(value, LABEL, KEY)]
    expect(one.includes('horse')).toBe(false)
    expect(one).not.toEqual(other)
  })

  test('stays shut with another key, for another name, stack or version, and where a bit was changed', () => {
    const sealed = seal(Buffer.from('value'), LABEL, KEY)
    const code = (bytes: Buffer, label: typeof LABEL, key = KEY) => problemOf(() => unseal(bytes, label, key)).code
    expect(code(sealed, LABEL, Buffer.alloc(32, 8))).toBe('state-damaged')
    for (const label of [
      { ...LABEL, stack: 'blog' },
      { ...LABEL, name: 'other' },
      { ...LABEL, version: 2 },
    ])
      expect(code(sealed, label)).toBe('state-damaged')
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed)
      changed[at]! ^= 1
      expect(code(changed, LABEL)).toBe('state-damaged')
    }
    expect(code(sealed.subarray(0, 20), LABEL)).toBe('state-damaged')
  })
})

describe('the key', () => {
  test('is made once, for its owner alone', () => {
    const folder = temporaryFolder()
    const key = secretsKey(folder, {})
    expect(key).toHaveLength(32)
    expect(secretsKey(folder, {})).toEqual(key)
    expect(statSync(join(folder, KEY_FILE)).mode & 0o777).toBe(0o600)
    expect(secretsKey(temporaryFolder(), {})).not.toEqual(key)
  })

  test('is not taken from a file that others may read, or that holds something else', () => {
    const folder = temporaryFolder()
    secretsKey(folder, {})
    chmodSync(join(folder, KEY_FILE), 0o640)
    expect(problemOf(() => secretsKey(folder, {})).message).toContain('others may read')
    chmodSync(join(folder, KEY_FILE), 0o600)
    writeFileSync(join(folder, KEY_FILE), 'x')
    expect(problemOf(() => secretsKey(folder, {})).message).toContain('holds no key')
  })

  test('may be a credential of systemd, and is on no disk then', () => {
    const [folder, credentials] = [temporaryFolder(), temporaryFolder()]
    writeFileSync(join(credentials, 'evenkeel-secrets-key'), `${'ab'.repeat(32)}\n`)
    expect(secretsKey(folder, { CREDENTIALS_DIRECTORY: credentials })).toEqual(Buffer.alloc(32, 0xab))
    expect(() => readFileSync(join(folder, KEY_FILE))).toThrow('ENOENT')
  })
})
