import { chmodSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { controlFolder } from '../../../client/ssh-stream.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const at = (folder: string) => join(folder, `evenkeel-ssh-${process.getuid?.() ?? 0}`)
const found = (folder: string) => controlFolder({ XDG_RUNTIME_DIR: folder })

test('sockets that ssh is to use again are in a folder of this user alone', () => {
  const folder = temporaryFolder()
  expect(found(folder)).toBe(at(folder))
  expect(statSync(at(folder)).mode & 0o777).toBe(0o700)
  expect(found(folder)).toBe(at(folder))
})

test('a folder that others may write or look into is not used', () => {
  const folder = temporaryFolder()
  mkdirSync(at(folder))
  chmodSync(at(folder), 0o755)
  expect(found(folder)).toBeUndefined()
})

test('a link to a folder is not used, whoever has laid it', () => {
  const folder = temporaryFolder()
  const elsewhere = temporaryFolder()
  chmodSync(elsewhere, 0o700)
  symlinkSync(elsewhere, at(folder))
  expect(found(folder)).toBeUndefined()
})
