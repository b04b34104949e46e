/** `cp`, end to end: client, daemon and a real Engine. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { beforeAll, describe, expect, test } from 'vitest'
import { openSession } from '../../client/session.ts'
import { engineCall } from '../lab/engine-call.mjs'
import { ENGINE, type Listed, MIB, sessionStack, sha } from './support/session-stack.ts'

const session = sessionStack('cp')
const { stack: STACK, here, ek, must, piped, containers } = session

describe('cp', () => {
  const contents = randomBytes(20 * MIB)

  beforeAll(async () => {
    await must('up')
    mkdirSync(here('site/sub'), { recursive: true })
    writeFileSync(here('site/large'), contents)
    chmodSync(here('site/large'), 0o640)
    writeFileSync(here('site/sub/small'), 'small')
    symlinkSync('sub/small', here('site/link'))
    mkdirSync(here('out'))
  })

  test('brings a folder into every replica, and back, with modes and links', async () => {
    await must('cp', './site', 'web:/srv-site')
    for (const index of ['1', '2']) {
      const { stdout } = await must('exec', '--index', index, 'web', 'sha256sum', '/srv-site/large')
      expect(stdout).toBe(`${sha(contents)}  /srv-site/large\n`)
    }
    await must('cp', '--index', '2', 'web:/srv-site', './out/back')
    expect(sha(readFileSync(here('out/back/large')))).toBe(sha(contents))
    expect(lstatSync(here('out/back/large')).mode & 0o7777).toBe(0o640)
    expect(readlinkSync(here('out/back/link'))).toBe('sub/small')
    expect(readFileSync(here('out/back/sub/small'), 'utf8')).toBe('small')
  })

  test('-L follows a link in either place', async () => {
    await must('cp', './site/sub', 'web:/followed')
    await must('exec', '--index', '1', 'web', 'ln', '-s', 'followed/small', '/pointer')
    await must('cp', 'web:/pointer', 'out/link')
    expect(readlinkSync(here('out/link'))).toBe('followed/small')
    await must('cp', '-L', 'web:/pointer', 'out/file')
    expect(lstatSync(here('out/file')).isFile()).toBe(true)
    expect(readFileSync(here('out/file'), 'utf8')).toBe('small')
    await must('cp', '-L', '--index', '2', 'site/link', 'web:/followed/file')
    expect((await must('exec', '--index', '2', 'web', 'cat', '/followed/file')).stdout).toBe('small')
  })

  test('reaches one-off containers with --all, and what does not run', async () => {
    const job = `${STACK}-job`
    await must('run', '-d', '--no-deps', '--name', job, 'patient', 'sleep 100000')
    await must('stop', 'patient')
    try {
      await must('cp', 'site/sub/small', 'patient:/tmp/first')
      expect((await ek('cp', '--all', `patient:/tmp/first`, 'out/first')).code).toBe(0)
      await must('cp', '--all', 'site/sub/small', 'patient:/tmp/all')
      const inJob = async (path: string) =>
        (await engineCall(ENGINE, 'HEAD', `/containers/${job}/archive?path=${path}`, { accept: [404] })).status
      expect(await inJob('/tmp/first')).toBe(404)
      expect(await inJob('/tmp/all')).toBe(200)
    } finally {
      await engineCall(ENGINE, 'DELETE', `/containers/${job}?force=true`)
      await must('start', 'patient')
    }
  })

  test('means what is in a folder with /. at its end', async () => {
    await must('cp', 'site/sub/.', 'web:/tmp')
    expect((await must('exec', 'web', 'cat', '/tmp/small')).stdout).toBe('small')
    await must('cp', 'web:/srv-site/sub/.', 'out')
    expect(readFileSync(here('out/small'), 'utf8')).toBe('small')
  })

  test('carries tar streams', async () => {
    const archive = execFileSync('tar', ['c', '-C', here('site'), 'sub'])
    writeFileSync(here('sub.tar'), archive)
    expect((await piped(['cp', '--index', '1', '-', 'web:/opt'], here('sub.tar'))).code).not.toBe(0)
    await must('exec', 'web', 'mkdir', '-p', '/opt')
    expect((await piped(['cp', '--index', '1', '-', 'web:/opt'], here('sub.tar'))).code).toBe(0)
    const { bytes } = await piped(['cp', 'web:/opt/sub', '-'], '/dev/null')
    expect(execFileSync('tar', ['t'], { input: bytes }).toString()).toBe('sub/\nsub/small\n')
  })

  test.each([
    [['web:/none', 'out'], 'Could not find the file /none'],
    [['none', 'web:/tmp'], 'no such file or directory'],
    [['web:/srv-site/large', 'out/none/'], 'no such directory'],
    [['web:/srv-site/large', 'none/x'], 'does not exist'],
    [['site', 'web:/srv-site/large'], 'cannot copy directory'],
    [['web:/a', 'db:/b'], 'copying between services is not supported'],
    [['a', 'b'], 'unknown copy direction'],
    [['nosvc:/a', '.'], 'no container found for service "nosvc"'],
  ])('of %j is refused in Compose’s words', async (args, words) => {
    expect(await ek('cp', ...args)).toMatchObject({ code: 1, stderr: expect.stringContaining(words) })
  })

  test('out to a full disk is told in a line', async (context) => {
    if (process.getuid?.() !== 0) context.skip('A disk of 1 MiB is made with mount, which takes root.')
    mkdirSync(here('disk'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', here('disk')])
    try {
      const { code, stderr } = await ek('cp', 'web:/srv-site/large', 'disk/large')
      expect(code).toBe(1)
      expect(stderr).toMatch(/disk\/large cannot be written: ENOSPC.*\n {2}make room there/)
    } finally {
      execFileSync('umount', [here('disk')])
    }
  })

  test('writes through no link, neither one that it brings nor one that was there', async () => {
    mkdirSync(here('outside'))
    writeFileSync(here('outside/small'), 'untouched')
    // Links that lead out are copied as links, and that is all.
    const inside = (script: string) => must('exec', '--index', '1', 'web', 'sh', '-c', script)
    await inside(`mkdir -p /evil && ln -sfn ${here('outside')} /evil/out && ln -sfn ../../outside /evil/up`)
    await must('cp', 'web:/evil', 'out/evil')
    expect(readlinkSync(here('out/evil/out'))).toBe(here('outside'))
    // And what comes next is not written to where they lead.
    await inside('rm /evil/out && mkdir /evil/out && echo gone > /evil/out/small')
    const { code, stderr } = await ek('cp', 'web:/evil/.', 'out/evil')
    expect(code).toBe(1)
    expect(stderr).toContain('cannot overwrite non-directory')
    expect(readFileSync(here('outside/small'), 'utf8')).toBe('untouched')
    expect(readdirSync(here('outside'))).toEqual(['small'])
  })

  test('reaches no container of another stack', async () => {
    const [{ Id }] = (await containers()) as [Listed]
    const status = (stack: string, method: string) =>
      new Promise<number>((resolve, reject) => {
        request(
          {
            socketPath: session.daemon.socket,
            method,
            path: `/v1/stacks/${stack}/containers/${Id}/files?path=/tmp`,
            headers: { 'content-type': 'application/x-tar' },
          },
          (answer) => {
            answer.resume()
            resolve(answer.statusCode!)
          },
        )
          .once('error', reject)
          .end()
      })
    expect(await status('another', 'GET')).toBe(404)
    expect(await status('another', 'PUT')).toBe(404)
    expect(await status(STACK, 'GET')).toBe(200)
    // Nor in a session, which takes any container of its stack.
    const copied = async (stack: string) => {
      const { socket } = session.daemon
      const address = { url: `unix://${socket}`, way: { kind: 'unix', socketPath: socket } as const, token: undefined }
      const open = { type: 'copy-out' as const, target: { container: Id }, path: '/etc/hostname' }
      const handlers = { data: () => undefined, started: () => {} }
      return (await openSession(address, `/v1/stacks/${stack}/copy-out`, open, handlers)).exitCode
    }
    await expect(copied('another')).rejects.toMatchObject({ code: 'container-not-found' })
    expect(await copied(STACK)).toBe(0)
  })
})
