/** Volumes as archives, protection, backup and restore, and a rebuild, on a real Engine. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { extract, type Header, pack } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { LabDaemon, projectFolder, runProgram, startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-volumes-${process.pid}`
const DATA = `${STACK}_data`
const EVENKEELD = join(projectFolder, 'dist/bin/evenkeeld')

let daemon: Awaited<ReturnType<typeof startDaemon>>
const folder = temporaryFolder('volume-state')
const at = { cwd: folder.path }
const pathOf = (name: string) => join(folder.path, name)
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

const SERVICE = { image: 'ek-lab/sleep:1', stop_grace_period: '1s', volumes: ['data:/data', 'kept:/kept'] }
const FILE = {
  name: STACK,
  services: { db: SERVICE },
  volumes: { data: {}, kept: { 'x-evenkeel': { protect: true } } },
}
const writeFile = (file: object = FILE) => writeFileSync(pathOf('compose.yaml'), JSON.stringify(file))

const stateOf = async (name: string) =>
  (await engineJson(ENGINE, 'GET', `/containers/${name}/json`)) as { Id: string; State: { StartedAt: string } }
const helpers = () =>
  engineJson(
    ENGINE,
    'GET',
    `/containers/json?all=true&filters=${encodeURIComponent(JSON.stringify({ label: ['dev.evenkeel.helper=volume'] }))}`,
  )

/** 20 MiB, a file of zeros, names that are long or odd, links, and owners that no image knows. */
async function anArchive(): Promise<Buffer> {
  const mtime = new Date('2020-02-03T04:05:06Z')
  const tar = pack()
  tar.entry({ name: './', type: 'directory', mode: 0o2750, uid: 999, gid: 998, mtime })
  const large = Buffer.alloc(20 * 1024 ** 2)
  for (let index = 0; index < large.length; index += 4096) large.writeUInt32LE(index, index)
  tar.entry({ name: './large.bin', mode: 0o600, uid: 999, gid: 998, mtime }, large)
  tar.entry({ name: './zeros.bin', mode: 0o644, mtime }, Buffer.alloc(1024 ** 2))
  tar.entry({ name: './empty', mode: 0o755, uid: 70_000, gid: 70_001, mtime }, '')
  tar.entry({ name: `./${'deep/'.repeat(40)}`, type: 'directory', mode: 0o700, mtime })
  tar.entry({ name: `./${'deep/'.repeat(40)}${'n'.repeat(150)}`, mtime }, 'x')
  tar.entry({ name: './späte Übung "1" $HOME', mode: 0o4755, mtime }, 'odd')
  // Engine 20.10 refuses a relative link that leads out of the volume, and drops the setuid bit of what has two names.
  tar.entry({ name: './link', type: 'symlink', linkname: '/etc/passwd', mode: 0o777, uid: 5, gid: 6, mtime })
  tar.entry({ name: './twin', type: 'link', linkname: './empty', mode: 0o755, uid: 70_000, gid: 70_001, mtime })
  tar.finalize()
  return buffer(tar as unknown as Readable)
}

interface Entry extends Pick<Header, 'type' | 'mode' | 'uid' | 'gid' | 'linkname'> {
  readonly mtimeSeconds: number
  readonly sha256: string
}

async function entriesOf(tar: Buffer): Promise<Record<string, Entry>> {
  const found: Record<string, Entry> = {}
  const reader = extract()
  reader.end(tar)
  for await (const entry of reader) {
    const { name, type, mode, uid, gid, linkname, mtime } = entry.header
    const bytes = await buffer(entry as unknown as Readable)
    found[name.replace(/^\.\/|\/$/g, '')] = {
      type,
      mode: mode! & 0o7777,
      uid,
      gid,
      linkname: linkname?.replace(/^\.\//, ''),
      mtimeSeconds: Math.floor(mtime!.getTime() / 1000),
      sha256: sha256(bytes),
    }
  }
  return found
}

beforeAll(async () => {
  daemon = await startDaemon(ENGINE, 'volume-state')
  writeFile()
})

afterAll(async () => {
  await daemon.ek(['volume', 'unprotect', `${STACK}_kept`])
  await daemon.ek(['-p', STACK, 'down', '-v', '-t', '0'])
  await daemon.remove()
  await sweep(ENGINE, STACK)
  folder.remove()
})

describe('volumes', () => {
  test('are listed with their stack, size and protection', async () => {
    await daemon.must(['up'], at)
    const { stdout } = await daemon.must(['volume', 'ls'])
    expect(stdout).toMatch(/^STACK +KEY +VOLUME NAME +DRIVER +SIZE +PROTECTED$/m)
    expect(stdout).toMatch(new RegExp(`^${STACK} +data +${DATA} +local +0B +no$`, 'm'))
    expect(stdout).toMatch(new RegExp(`^${STACK} +kept +${STACK}_kept +local +0B +yes$`, 'm'))
    const [info] = JSON.parse((await daemon.must(['volume', 'inspect', DATA])).stdout)
    expect(info).toMatchObject({ stack: STACK, usedBy: [{ container: `${STACK}-db-1`, state: 'running' }] })
  })

  test('that are in use are neither removed nor written over', async () => {
    const removal = await daemon.ek(['volume', 'rm', DATA])
    expect(removal.code).toBe(1)
    expect(removal.stderr).toContain(`is in use by ${STACK}-db-1`)
    writeFileSync(pathOf('in.tar'), await anArchive())
    const change = await daemon.ek(['volume', 'import', DATA, pathOf('in.tar')])
    expect(change.code).toBe(1)
    expect(change.stderr).toContain('stop it first')
  })

  test('take an archive in, and give it back: contents, owners, modes, times, links', async () => {
    await daemon.must(['stop', '-t', '0'], at)
    const archive = await anArchive()
    const { stdout } = await daemon.must(['volume', 'import', DATA, pathOf('in.tar'), '--sha256', sha256(archive)])
    expect(stdout).toContain(sha256(archive))
    const told = (await daemon.must(['volume', 'export', DATA, '-o', pathOf('out.tar')])).stdout
    const out = readFileSync(pathOf('out.tar'))
    expect(told).toBe(`${sha256(out)}  ${pathOf('out.tar')}\n`)
    expect(statSync(pathOf('out.tar')).mode & 0o777).toBe(0o600)
    const [wanted, got] = [await entriesOf(archive), await entriesOf(out)]
    // Which of two names of one file comes as the link is the order of the walk.
    expect(Object.keys(got)).toEqual(expect.arrayContaining(Object.keys(wanted)))
    for (const name of Object.keys(wanted).filter((name) => name !== 'twin'))
      expect({ name, ...got[name] }).toEqual({ name, ...wanted[name] })
    expect(got.twin).toMatchObject({ type: 'link', linkname: 'empty' })
  })

  test('that are not empty take one in only where that was asked for', async () => {
    const { code, stderr } = await daemon.ek(['volume', 'import', DATA, pathOf('in.tar')])
    expect(code).toBe(1)
    expect(stderr).toContain('is not empty')
    await daemon.must(['volume', 'import', DATA, pathOf('in.tar'), '--merge'])
  })

  test('are not given an archive that is another one, or cut off', async () => {
    const wrong = await daemon.ek(['volume', 'import', DATA, pathOf('in.tar'), '--merge', '--sha256', 'a'.repeat(64)])
    expect(wrong.code).toBe(1)
    expect(wrong.stderr).toContain('nothing was changed')
    writeFileSync(pathOf('cut.tar'), readFileSync(pathOf('in.tar')).subarray(0, 5_000_000))
    const cut = await daemon.ek(['volume', 'import', DATA, pathOf('cut.tar'), '--merge'])
    expect(cut.code).toBe(1)
    // In the middle of a file the Engine may be the one who says so.
    expect(cut.stderr).toMatch(/ends in the middle|unexpected EOF/)
  })

  test('go with `down -v`, which tells their sizes; what is protected stays', async () => {
    const { stderr } = await daemon.must(['down', '-v', '-t', '0'], at)
    expect(stderr).toMatch(new RegExp(`Volume ${DATA} {2}Removed \\(\\d[\\d.]*MB\\)`))
    expect(stderr).toContain(`volume ${STACK}_kept is protected and stays`)
    expect(stderr).not.toMatch(new RegExp(`Volume ${STACK}_kept {2}Removed`))
    const { code, stderr: refusal } = await daemon.ek(['volume', 'rm', `${STACK}_kept`])
    expect(code).toBe(1)
    expect(refusal).toContain(`evenkeel volume unprotect ${STACK}_kept`)
    await engineJson(ENGINE, 'GET', `/volumes/${STACK}_kept`)
  })

  test('that are gone are made as declared by an import, with the same bytes as before', async () => {
    const { stdout } = await daemon.must(['volume', 'import', DATA, pathOf('out.tar')])
    expect(stdout).toContain('made anew')
    await daemon.must(['volume', 'export', DATA, '-o', pathOf('again.tar')])
    expect(sha256(readFileSync(pathOf('again.tar')))).toBe(sha256(readFileSync(pathOf('out.tar'))))
    expect((await daemon.must(['up'], at)).stderr).not.toContain('Volume')
  })

  test('are not reached through anything that stays', async () => {
    expect(await helpers()).toEqual([])
  })

  test('are removed by name once unprotected', async () => {
    await daemon.must(['volume', 'unprotect', `${STACK}_kept`])
    await daemon.must(['down', '-t', '0'], at)
    expect((await daemon.must(['volume', 'rm', `${STACK}_kept`])).stdout).toBe(`${STACK}_kept\n`)
    const gone = await daemon.ek(['volume', 'rm', `${STACK}_kept`])
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no volume') })
  })

  test('whose definition changed keep their data, and it is told what to do', async () => {
    await daemon.must(['up'], at)
    writeFile({ ...FILE, volumes: { ...FILE.volumes, data: { labels: { tier: 'gold' } } } })
    const { code, stderr } = await daemon.ek(['up'], at)
    expect(code).not.toBe(0)
    expect(stderr).toContain(`evenkeel volume export ${DATA} -o FILE`)
    await daemon.must(['volume', 'export', DATA, '-o', pathOf('kept.tar')], at)
    await daemon.must(['down', '-t', '0'], at)
    await daemon.must(['volume', 'rm', DATA])
    await daemon.must(['volume', 'import', DATA, pathOf('kept.tar')])
    await daemon.must(['up'], at)
    const info = (await engineJson(ENGINE, 'GET', `/volumes/${DATA}`)) as { Labels: Record<string, string> }
    expect(info.Labels.tier).toBe('gold')
    await daemon.must(['volume', 'export', DATA, '-o', pathOf('moved.tar')])
    expect(sha256(readFileSync(pathOf('moved.tar')))).toBe(sha256(readFileSync(pathOf('kept.tar'))))
  })
})

describe('the state', () => {
  const historyOf = async (of: LabDaemon) =>
    JSON.parse((await of.must(['-p', STACK, 'history', '--format', 'json'])).stdout)

  test('is backed up while an `up` runs, and restored elsewhere: the same stacks and history', async () => {
    const going = daemon.must(['up', '--force-recreate'], at)
    await daemon.must(['system', 'backup', '-o', pathOf('backup.tar')])
    expect(statSync(pathOf('backup.tar')).mode & 0o777).toBe(0o600)
    await going
    const other = new LabDaemon({ engine: 'unix:///nowhere/docker.sock', folder: temporaryFolder('restored').path })
    const { code, stdout } = await runProgram(EVENKEELD, ['--restore', pathOf('backup.tar'), '--state', other.state])
    expect(code).toBe(0)
    expect(stdout).toContain(`1 stack(s): ${STACK}`)
    // With no Engine, as the report advises: two daemons of one identity must not share one.
    await other.start()
    const [before, after] = [await historyOf(daemon), await historyOf(other)]
    const numbersOf = (history: { number: number; digest?: string }[]) => history.map(({ number }) => number)
    expect(numbersOf(after.revisions ?? after)).toEqual(numbersOf(before.revisions ?? before))
    expect((await other.must(['ls', '-a'])).stdout).toContain(STACK)
    await other.remove()
  })

  test('is not restored under a daemon', async () => {
    const { code, stderr } = await runProgram(EVENKEELD, ['--restore', pathOf('backup.tar'), '--state', daemon.state])
    expect({ code, isTold: stderr.includes('another evenkeeld runs') }).toEqual({ code: 1, isTold: true })
  })

  test('that is damaged is told with the ways out, and rebuilt from labels; nothing is touched until the next `up`', async () => {
    const container = await stateOf(`${STACK}-db-1`)
    await daemon.stop()
    truncateSync(join(daemon.state, 'state.db'), 20_000)
    const start = await runProgram(EVENKEELD, ['--state', daemon.state, '--socket', daemon.socket, '--engine', ENGINE])
    expect(start.code).toBe(1)
    expect(start.stderr).toContain('evenkeeld --restore FILE')
    const rebuilt = await runProgram(EVENKEELD, ['--rebuild', '--state', daemon.state, '--engine', ENGINE])
    expect(rebuilt.code).toBe(0)
    expect(rebuilt.stdout).toContain(`- ${STACK}, revision `)
    const aside = /It is kept as (\S+)\.$/m.exec(rebuilt.stdout)![1]!
    expect(existsSync(aside)).toBe(true)
    await daemon.start()
    await until('the stack is blocked', async () => (await daemon.must(['ls'])).stdout.includes('blocked'))
    const stop = await daemon.ek(['stop'], at)
    expect(stop.code).toBe(1)
    expect(stop.stderr).toContain('evenkeel up')
    await daemon.must(['up'], at)
    expect(await stateOf(`${STACK}-db-1`)).toMatchObject({
      Id: container.Id,
      State: { StartedAt: container.State.StartedAt },
    })
    expect((await daemon.must(['plan'], at)).stdout).toMatch(/^No changes/)
  })
})
