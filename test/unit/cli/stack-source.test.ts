import { execFileSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readFileBounded } from '../../../client/read-file.ts'
import { loadFromDisk, nodeFiles } from '../../../client/stack-source.ts'

let folder = ''
const path = (name: string): string => join(folder, name)
const write = (name: string, content: string | Buffer): void => writeFileSync(path(name), content)
const load = (files: readonly string[] = []) =>
  loadFromDisk({ files, projectName: 'p', projectDirectory: folder, profiles: [], envFiles: [] })

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ek-source-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('the files of a stack', () => {
  it('are those that COMPOSE_FILE of the .env names', () => {
    write('compose.yaml', 'services: {a: {image: x}}')
    write('other.yaml', 'services: {a: {hostname: other}}')
    write('.env', `COMPOSE_FILE=${path('compose.yaml')}:${path('other.yaml')}\n`)
    expect(load().model.services.a).toMatchObject({ image: 'x', hostname: 'other' })
  })

  it('may be UTF-8 with a mark, or UTF-16', () => {
    const text = 'services: {a: {image: x, hostname: é}}'
    const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le')
    write('mark.yaml', `\ufeff${text}`)
    write('little.yaml', utf16)
    write('big.yaml', Buffer.from(utf16).swap16())
    for (const name of ['mark.yaml', 'little.yaml', 'big.yaml']) {
      expect(load([path(name)]).model.services.a?.hostname, name).toBe('é')
    }
  })

  it('make what no service uses where all resources are asked for', () => {
    write('compose.yaml', 'services: {a: {image: x}}\nvolumes: {data: {}}\nnetworks: {spare: {}}')
    const selection = { files: [], projectName: 'p', projectDirectory: folder, profiles: [], envFiles: [] }
    expect(Object.keys(load().model.networks ?? {})).toEqual(['default'])
    const { networks, volumes } = loadFromDisk({ ...selection, allResources: true }).model
    expect([Object.keys(networks ?? {}), Object.keys(volumes ?? {})]).toEqual([['default', 'spare'], ['data']])
  })

  it('that are no text are refused where they are not', () => {
    write(
      'compose.yaml',
      Buffer.concat([Buffer.from('services:\n  a: {image: x'), Buffer.from([0xff]), Buffer.from('}')]),
    )
    expect(() => load()).toThrow(`${path('compose.yaml')}:2:15: The file is not valid UTF-8`)
  })

  it('may hold the character that stands for what is no text', () => {
    write('compose.yaml', 'services: {a: {image: x, hostname: "\ufffd"}}')
    expect(load().model.services.a?.hostname).toBe('\ufffd')
  })
})

describe('a file that is too large, or endless, is not read whole', () => {
  it.each(['compose.yaml', 'a.env'])('1 GiB of %s', (name) => {
    write('compose.yaml', 'services: {a: {image: x, env_file: a.env}}')
    const file = openSync(path(name), 'w')
    ftruncateSync(file, 1024 ** 3)
    closeSync(file)
    expect(() => load()).toThrow(`${path(name)} is larger than 10 MiB`)
  })

  it('/dev/zero', () => {
    expect(() => nodeFiles.read('/dev/zero')).toThrow('/dev/zero is larger than 10 MiB')
  })

  it('a file may be as large as the limit and no larger', () => {
    write('a', 'x'.repeat(100_000))
    expect(readFileBounded(path('a'), 100_000)).toHaveLength(100_000)
    expect(() => readFileBounded(path('a'), 99_999)).toThrow('is larger than 99999 bytes')
  })
})

describe('what is no ordinary file', () => {
  it('/dev/null is empty', () => {
    expect(nodeFiles.read('/dev/null')).toBe('')
  })

  it('a pipe that nobody writes to is empty, and keeps nobody waiting', () => {
    execFileSync('mkfifo', [path('pipe')])
    expect(nodeFiles.read(path('pipe'))).toBe('')
  })

  it('a folder or nothing is no file', () => {
    expect(nodeFiles.read(path('nothing'))).toBeUndefined()
    expect(() => nodeFiles.read(folder)).toThrow('EISDIR')
  })
})
