import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { mustBeRootOnSystemd, ourUnit } from '../../../client/cli/systemd.ts'
import { MARK, secretsUnitText, unitText } from '../../../client/cli/systemd-unit.ts'
import { problemOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PARTS = { daemon: '/opt/evenkeel/dist/bin/evenkeeld', nodeFolder: '/opt/node/bin', socketGroup: undefined }
const linesOf = (text: string) => text.split('\n')

describe('the unit of secrets', () => {
  test('writes their files once, before the Engine and the daemon come', () => {
    const lines = linesOf(secretsUnitText(PARTS))
    expect(lines).toContain('Type=oneshot')
    expect(lines).toContain('ExecStart="/opt/evenkeel/dist/bin/evenkeeld" --fill-secrets')
    expect(lines.find((line) => line.startsWith('Before='))).toMatch(/docker\.service .*evenkeeld\.service/)
    expect(lines[0]).toBe(MARK)
  })
})

describe('the unit', () => {
  test('runs this installation with this Node, and waits until it is ready', () => {
    const lines = linesOf(unitText(PARTS))
    expect(lines).toContain('Type=notify')
    expect(lines).toContain('ExecStart="/opt/evenkeel/dist/bin/evenkeeld"')
    expect(lines).toContain(
      'Environment="PATH=/opt/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"',
    )
    expect(lines).toContain('Restart=always')
    expect(lines).toContain('StateDirectory=evenkeel')
  })

  test('keeps V8 alive, and an installation in /home readable', () => {
    const text = unitText(PARTS)
    expect(text).not.toMatch(/^MemoryDenyWriteExecute=/m)
    expect(text).toMatch(/^ProtectHome=read-only$/m)
  })

  test('gives the socket to a group', () => {
    expect(unitText({ ...PARTS, socketGroup: 'ops' })).toContain('evenkeeld" "--socket-group" "ops"')
  })

  test('takes a path for one word, whatever it holds', () => {
    const lines = linesOf(unitText({ ...PARTS, daemon: '/a b/100%/"x"/$HOME\\y' }))
    expect(lines).toContain('ExecStart="/a b/100%%/\\"x\\"/$$HOME\\\\y"')
  })

  test.skipIf(!existsSync('/usr/bin/systemd-analyze'))(
    'is one that systemd takes, also from a folder with a blank',
    () => {
      const folder = temporaryFolder()
      const bin = join(folder, 'with blank')
      mkdirSync(bin)
      writeFileSync(join(bin, 'evenkeeld'), '#!/bin/sh\n')
      chmodSync(join(bin, 'evenkeeld'), 0o755)
      const unit = join(folder, 'evenkeeld.service')
      writeFileSync(unit, unitText({ ...PARTS, daemon: join(bin, 'evenkeeld'), socketGroup: 'ops' }))
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
      expect({ status, ours: stderr.split('\n').filter((line) => line.includes('evenkeeld')) }).toEqual({
        status: 0,
        ours: [],
      })
    },
  )
})

describe('systemd', () => {
  test('is told apart from other inits', () => {
    expect(problemOf(() => mustBeRootOnSystemd(0, '/nowhere')).message).toBe('systemd does not run this machine')
  })

  test('is dealt with by root alone', () => {
    expect(problemOf(() => mustBeRootOnSystemd(1000, temporaryFolder())).message).toBe('only root may do this')
    expect(() => mustBeRootOnSystemd(0, temporaryFolder())).not.toThrow()
  })
})

describe('a unit that is there', () => {
  test('is none of ours where somebody else wrote it', () => {
    const path = join(temporaryFolder(), 'evenkeeld.service')
    writeFileSync(path, '[Unit]\n')
    expect(problemOf(() => ourUnit(path)).code).toBe('conflict')
  })

  test('is ours by its first line', () => {
    const path = join(temporaryFolder(), 'evenkeeld.service')
    expect(ourUnit(join(path, '..', 'none'))).toBeUndefined()
    writeFileSync(path, unitText(PARTS))
    expect(ourUnit(path)?.startsWith(MARK)).toBe(true)
  })
})
