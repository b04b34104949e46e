import { createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { publicKeyOf } from '../../../client/ssh/key-agent.ts'
import { openAgent } from '../../../client/ssh/open-agent.ts'
import { readPrivateKey } from '../../../client/ssh/private-key.ts'
import { number, string, WireReader } from '../../../client/ssh/wire.ts'
import { AgentMessage } from '../../../protocol/ssh-loan.ts'
import { problemOf } from '../support/problems.ts'

const KEYS = join(import.meta.dirname, '../../fixtures/ssh')
const pathOf = (name: string) => join(KEYS, name)
/** As ssh-keygen wrote it beside the private one. */
const publicKeyIn = (name: string) =>
  Buffer.from(readFileSync(pathOf(`${name}.pub`), 'utf8').split(' ')[1] ?? '', 'base64')

const agentWith = (...names: string[]) => openAgent(names.map(pathOf).join(','), 'services.web.build.ssh default', {})

async function signed(name: string, data: Buffer, flags: number): Promise<{ algorithm: string; signature: Buffer }> {
  const request = [Buffer.of(AgentMessage.sign), string(publicKeyIn(name)), string(data), number(flags)]
  const answer = Buffer.from(await agentWith('key-ed25519-256', name).answer(Buffer.concat(request)))
  expect(answer[0]).toBe(AgentMessage.signature)
  const inner = new WireReader(new WireReader(answer.subarray(1)).string())
  return { algorithm: inner.text(), signature: inner.string() }
}

const NAMES = ['key-ed25519-256', 'key-rsa-2048', 'key-ecdsa-256', 'key-ecdsa-384', 'key-ecdsa-521', 'key-pem']

describe('an agent over the keys of files', () => {
  test.each(NAMES)('has the public key of %s as ssh-keygen has it', (name) => {
    expect(publicKeyOf(readPrivateKey(readFileSync(pathOf(name), 'utf8')))).toEqual(publicKeyIn(name))
  })

  test('tells its keys in the order given', async () => {
    const answer = new WireReader(
      Buffer.from(await agentWith(...NAMES).answer(Buffer.of(AgentMessage.listKeys))).subarray(1),
    )
    expect(answer.number()).toBe(NAMES.length)
    for (const name of NAMES) {
      expect(answer.string()).toEqual(publicKeyIn(name))
      expect(answer.text()).toBe(pathOf(name))
    }
  })

  test.each([
    ['key-rsa-2048', 0, 'ssh-rsa', 'sha1'],
    ['key-rsa-2048', 2, 'rsa-sha2-256', 'sha256'],
    ['key-pem', 4, 'rsa-sha2-512', 'sha512'],
    ['key-ed25519-256', 0, 'ssh-ed25519', null],
  ])('signs with %s and flags %i as %s', async (name, flags, algorithm, hash) => {
    const data = Buffer.from('what is to be signed')
    const answer = await signed(name, data, flags)
    expect(answer.algorithm).toBe(algorithm)
    const key = createPublicKey(readPrivateKey(readFileSync(pathOf(name), 'utf8')))
    expect(verify(hash, data, key, answer.signature)).toBe(true)
    expect(verify(hash, Buffer.from('something else'), key, answer.signature)).toBe(false)
  })

  test.each([
    ['key-ecdsa-256', 'sha256', 32],
    ['key-ecdsa-384', 'sha384', 48],
    ['key-ecdsa-521', 'sha512', 66],
  ])('signs with %s: two numbers, as RFC 5656 has them', async (name, hash, length) => {
    const key = createPublicKey(readPrivateKey(readFileSync(pathOf(name), 'utf8')))
    // Often enough that each number begins with a zero byte, or with a first bit that is set, some time.
    for (let round = 0; round < 40; round += 1) {
      const data = Buffer.from(`round ${round}`)
      const { algorithm, signature } = await signed(name, data, 0)
      expect(algorithm).toBe(`ecdsa-sha2-nistp${name.slice(-3)}`)
      const pair = new WireReader(signature)
      const whole = [pair.string(), pair.string()].map((part) => {
        expect((part[0] ?? 0) < 0x80).toBe(true)
        const bare = part[0] === 0 ? part.subarray(1) : part
        return Buffer.concat([Buffer.alloc(length - bare.length), bare])
      })
      expect(verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, Buffer.concat(whole))).toBe(true)
    }
  })

  test('refuses a key that it has not, and all but telling and signing', async () => {
    const unknown = [Buffer.of(AgentMessage.sign), string(publicKeyIn('key-rsa-2048')), string('x'), number(0)]
    const agent = agentWith('key-ed25519-256')
    for (const message of [Buffer.concat(unknown), Buffer.of(17), Buffer.of(19), Buffer.of(27), Buffer.alloc(0)]) {
      expect([...(await agent.answer(message))]).toEqual([AgentMessage.failure])
    }
  })
})

describe('what an agent is asked for', () => {
  test('without a path is that of SSH_AUTH_SOCK, and its absence is told in the words of Compose', () => {
    expect(problemOf(() => openAgent('', 'services.web.build.ssh default', {})).message).toBe(
      'services.web.build.ssh default: invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set',
    )
  })

  test.each([
    ['key-locked', 'it is protected by a passphrase', 'ssh-add'],
    ['key-ed25519-256.pub', 'it is no private key', 'private key'],
    ['none', 'there is no SSH key or agent socket', 'correct the path'],
  ])('of %s is refused, with what to do', (name, why, hint) => {
    const problem = problemOf(() => agentWith(name))
    expect(problem.message).toContain(why)
    expect(problem.hint).toContain(hint)
  })

  test('goes through to an agent at a socket where it tells or signs, and no further', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ek-agent-'))
    const path = join(folder, 'agent.sock')
    const asked: Buffer[] = []
    // An answer in pieces, as a network has them.
    const server = createServer((socket) => {
      socket.on('data', (data) => {
        asked.push(data)
        const answer = string(Buffer.concat([Buffer.of(AgentMessage.keys), number(0)]))
        socket.write(answer.subarray(0, 2))
        setImmediate(() => socket.write(answer.subarray(2)))
      })
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
    onTestFinished(() => {
      server.close()
      rmSync(folder, { recursive: true })
    })
    const agent = openAgent(path, 'here', {})
    expect([...(await agent.answer(Buffer.of(19)))]).toEqual([AgentMessage.failure])
    expect(asked).toEqual([])
    expect([...(await agent.answer(Buffer.of(AgentMessage.listKeys)))]).toEqual([AgentMessage.keys, 0, 0, 0, 0])
    expect(asked).toEqual([Buffer.from([0, 0, 0, 1, AgentMessage.listKeys])])
    writeFileSync(join(folder, 'key'), readFileSync(pathOf('key-pem')), { mode: 0o600 })
    expect(problemOf(() => openAgent(`${path},${join(folder, 'key')}`, 'here', {})).message).toBe(
      'here: invalid combination of keys and sockets',
    )
  })

  test('whose agent has gone says where it was', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ek-agent-'))
    const path = join(folder, 'agent.sock')
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(path, resolve))
    onTestFinished(() => {
      server.close()
      rmSync(folder, { recursive: true })
    })
    const agent = openAgent(path, 'here', {})
    await expect(agent.answer(Buffer.of(AgentMessage.listKeys))).rejects.toThrow(`the SSH agent at ${path}`)
  })
})
