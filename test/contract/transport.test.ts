/** How we reach an Engine, and what holds when the way breaks: with fake Engines, a private one, and proxies. */
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Environment, engineAddress } from '../../daemon/engine/address.ts'
import { connectEngine } from '../../daemon/engine/connect.ts'
import type { Engine } from '../../daemon/engine/types.ts'
import { ensureImages } from '../lab/images.mjs'
import { privateEngine, whyNoPrivateEngine } from '../lab/private-engine.mjs'
import { type Answer, fakeEngine, silent, speaking, testFolder } from './support/fake-engine.ts'
import { all, outputOf } from './support/output.ts'
import { problemOf } from './support/problem-of.ts'
import { SLEEPER, uniqueName } from './support/scene.ts'
import { makeCertificates, tcpProxy, whyNoCertificates } from './support/tcp-proxy.ts'
import { testEngines } from './support/test-engines.ts'
import { until } from './support/until.ts'

const TEST_LIMIT_MS = 30_000

function connected(url: string, env: Environment = {}): Engine {
  const engine = connectEngine(engineAddress(url, env))
  onTestFinished(() => engine.close())
  return engine
}

describe('an Engine that is not there', { timeout: TEST_LIMIT_MS }, () => {
  test('is unreachable for each kind of call, with its address and a hint', async () => {
    const url = `unix://${join(await testFolder(), 'nothing.sock')}`
    const engine = connected(url)
    const calls: Promise<unknown>[] = [
      engine.ping(),
      engine.version(),
      engine.containers.list({}),
      all(engine.events({})),
      all(engine.containers.logs('any', {})),
      engine.exec.start('any', { tty: false }),
      all(engine.images.pull({ reference: 'any:1' })),
    ]
    for (const problem of await Promise.all(calls.map(problemOf))) {
      expect(problem.code).toBe('engine-unreachable')
      expect(problem.message).toContain(url)
      expect(problem.hint).toMatch(/dockerd/)
    }
  })

  test('is unreachable over TCP, with another hint', async () => {
    const problem = await problemOf(connected('tcp://127.0.0.1:1').ping())
    expect(problem).toMatchObject({ code: 'engine-unreachable', hint: expect.stringMatching(/check the address/) })
  })

  test.each(['unix://relative.sock', 'ftp://somewhere', 'somewhere'])('cannot be at %s', async (url) => {
    const problem = await problemOf((async () => connected(url))())
    expect(problem).toMatchObject({ code: 'engine-unreachable', hint: expect.any(String) })
  })
})

describe('the negotiation', { timeout: TEST_LIMIT_MS }, () => {
  test('speaks our newest version with an Engine that is newer', async () => {
    const fake = await fakeEngine(speaking({ newest: '1.99' }, (_, response) => response.end('[]')))
    const engine = connected(fake.url)
    expect(await engine.version()).toMatchObject({ apiVersion: '1.99', negotiated: '1.51' })
    await engine.containers.list({})
    expect(fake.paths).toEqual(['/version', '/v1.51/containers/json'])
  })

  test.each([
    { newest: '1.40', oldest: '1.12' },
    { newest: '1.99', oldest: '1.90' },
  ])('refuses an Engine that speaks $oldest to $newest', async (api) => {
    const fake = await fakeEngine(speaking(api, silent))
    expect(await problemOf(connected(fake.url).containers.list({}))).toMatchObject({
      code: 'engine-too-old',
      hint: expect.any(String),
    })
  })

  test('asks once for many calls', async () => {
    const fake = await fakeEngine(speaking({ newest: '1.44' }, (_, response) => response.end('[]')))
    const engine = connected(fake.url)
    await Promise.all(Array.from({ length: 20 }, () => engine.containers.list({})))
    expect(fake.paths.filter((path) => path === '/version')).toHaveLength(1)
  })

  test('is made anew with an Engine that comes back as another', async () => {
    const socketPath = join(await testFolder(), 'docker.sock')
    const before = await fakeEngine(
      speaking({ newest: '1.44' }, (_, response) => response.end('[]')),
      socketPath,
    )
    const engine = connected(before.url)
    await engine.containers.list({})
    await before.close()
    expect(await problemOf(engine.containers.list({}))).toMatchObject({ code: 'engine-unreachable' })
    const after = await fakeEngine(
      speaking({ newest: '1.41' }, (_, response) => response.end('[]')),
      socketPath,
    )
    // Within one process, the end of the other idle connection may not have been noticed yet.
    await until('it is reached', () => engine.containers.list({}).catch(() => undefined))
    expect(after.paths).toEqual(['/version', '/v1.41/containers/json'])
    expect(await engine.atLeast('1.44')).toBe(false)
  })

  test('that failed is tried again with the next call', async () => {
    let calls = 0
    const answer = speaking({ newest: '1.44' }, (_, response) => response.end('[]'))
    const fake = await fakeEngine((request, response) => {
      calls += 1
      if (calls > 1) return answer(request, response)
      response.statusCode = 503
      response.end('starting')
    })
    const engine = connected(fake.url)
    expect(await problemOf(engine.containers.list({}))).toMatchObject({
      code: 'engine-error',
      message: 'starting',
      engine: { status: 503 },
    })
    expect(await engine.containers.list({})).toEqual([])
  })

  test("ends for a caller with its signal's reason", async () => {
    const fake = await fakeEngine(silent)
    const engine = connected(fake.url)
    const reason = new Error('not so long')
    const abort = new AbortController()
    const options = { signal: abort.signal }
    const calls: Promise<unknown>[] = [
      engine.version(options),
      engine.containers.list({}, options),
      all(engine.events({}, options)),
      engine.exec.start('any', { tty: false }, options),
    ]
    const ends = Promise.allSettled(calls)
    await until('it was asked', () => fake.paths.length > 0)
    abort.abort(reason)
    expect(await ends).toEqual(calls.map(() => ({ status: 'rejected', reason })))
  })
})

describe('an answer that does not come', { timeout: TEST_LIMIT_MS }, () => {
  test('is an engine-timeout', async () => {
    const fake = await fakeEngine(silent)
    expect(await problemOf(connected(fake.url).ping({ timeoutMs: 100 }))).toMatchObject({
      code: 'engine-timeout',
      engine: { call: 'GET /_ping' },
    })
  })

  test('is an engine-timeout also when it has begun', async () => {
    const fake = await fakeEngine(speaking({ newest: '1.44' }, (_, response) => response.write('{"half":')))
    expect(await problemOf(connected(fake.url).info({ timeoutMs: 300 }))).toMatchObject({
      code: 'engine-timeout',
      engine: { call: 'GET /info' },
    })
  })

  test("ends an upgrade with the signal's reason", async () => {
    const fake = await fakeEngine(speaking({ newest: '1.44' }, silent))
    const engine = connected(fake.url)
    const reason = new Error('not so long')
    const abort = new AbortController()
    const started = engine.exec.start('any', { tty: false }, { signal: abort.signal })
    await until('it was asked', () => fake.paths.length > 1)
    abort.abort(reason)
    await expect(started).rejects.toBe(reason)
  })
})

describe('a connection that breaks', { timeout: TEST_LIMIT_MS }, () => {
  test('in an archive leaves its reader with a Problem', async () => {
    const stat = Buffer.from(JSON.stringify({ name: 'a', size: 5, mode: 420, mtime: '', linkTarget: '' }))
    const fake = await fakeEngine(
      speaking({ newest: '1.44' }, (_, response) => {
        response.setHeader('x-docker-container-path-stat', stat.toString('base64'))
        response.write('half of it', () => response.destroy())
      }),
    )
    const { stat: seen, tar } = await connected(fake.url).containers.getArchive('any', '/a')
    expect(seen).toMatchObject({ name: 'a', size: 5 })
    expect(await problemOf(all(tar))).toMatchObject({
      code: 'engine-unreachable',
      engine: { call: 'GET /containers/any/archive' },
    })
  })

  test('in an attached stream leaves its reader with a Problem', async () => {
    const version = JSON.stringify({ Version: 'fake', ApiVersion: '1.44', MinAPIVersion: '1.24' })
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', (request) => {
        if (request.toString().startsWith('GET /version')) {
          socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${version.length}\r\n\r\n${version}`)
          return
        }
        socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')
        socket.once('data', () => socket.resetAndDestroy())
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const engine = connected(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const stream = await engine.containers.attach('any', { stdin: true, stdout: true, tty: true })
    stream.input.write('now')
    expect(await problemOf(all(stream.output))).toMatchObject({
      code: 'engine-unreachable',
      engine: { call: 'POST /containers/any/attach' },
    })
  })

  test('in an answer leaves the Engine unreachable', async () => {
    const fake = await fakeEngine(
      speaking({ newest: '1.44' }, (_, response) => {
        response.write('{"half":', () => response.destroy())
      }),
    )
    expect(await problemOf(connected(fake.url).info())).toMatchObject({ code: 'engine-unreachable' })
  })

  test('in a stream leaves the Engine unreachable', async () => {
    const fake = await fakeEngine(
      speaking({ newest: '1.44' }, (_, response) => {
        response.write('{"status":"Pulling"}\n', () => response.destroy())
      }),
    )
    const engine = connected(fake.url)
    const broken = [
      all(engine.events({})),
      all(engine.containers.logs('any', { follow: true })),
      all(engine.images.pull({ reference: 'any:1' })),
      all(engine.images.build({}, undefined)),
      all(engine.containers.stats('any', { stream: true })),
      engine.containers.wait('any', 'not-running'),
    ]
    for (const problem of await Promise.all(broken.map(problemOf))) {
      expect(problem).toMatchObject({
        code: 'engine-unreachable',
        engine: { call: expect.stringMatching(/^[A-Z]+ \//) },
      })
    }
  })

  test('in a stream makes the next call negotiate anew', async () => {
    const fake = await fakeEngine(
      speaking({ newest: '1.44' }, (request, response) => {
        if (request.url === '/v1.44/events') response.write('\n', () => response.destroy())
        else response.end('[]')
      }),
    )
    const engine = connected(fake.url)
    await problemOf(all(engine.events({})))
    await engine.containers.list({})
    expect(fake.paths).toEqual(['/version', '/v1.44/events', '/version', '/v1.44/containers/json'])
  })

  test('by our close ends the streams', async () => {
    const fake = await fakeEngine(
      speaking({ newest: '1.44' }, (_, response) => {
        response.write('{"Type":"container","Action":"start","timeNano":1}\n')
      }),
    )
    const engine = connected(fake.url)
    let seen = 0
    const listening = (async () => {
      for await (const _ of engine.events({})) seen += 1
    })()
    const ended = Promise.allSettled([listening])
    await until('an event came', () => seen > 0)
    await engine.close()
    await ended
  })
})

describe('an archive that is written', { timeout: TEST_LIMIT_MS }, () => {
  const PIECE_BYTES = 65_536
  const PIECES = 400

  /** What came of the body, once an Engine that is slow to read has read all of it: the pieces that are all of one byte, by it. */
  function slowlyRead(): { readonly answer: Answer; readonly came: Promise<number[]> } {
    let done = (_: number[]): void => {}
    const came = new Promise<number[]>((resolve) => {
      done = resolve
    })
    const answer = speaking({ newest: '1.47' }, async (request, response) => {
      const chunks: Buffer[] = []
      await delay(200)
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks)
      const pieces = Array.from({ length: body.length / PIECE_BYTES }, (_, index) =>
        body.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES),
      )
      done(pieces.map((piece) => (piece.equals(Buffer.alloc(PIECE_BYTES, piece[0])) ? piece[0]! : -1)))
      response.end()
    })
    return { answer, came }
  }

  test.each(['unix', 'tcp'])('has its bytes until they have gone, over %s', async (way) => {
    const { answer, came } = slowlyRead()
    const fake = await fakeEngine(answer)
    const url = way === 'unix' ? fake.url : `tcp://${(await tcpProxy(fake.url)).host}`
    const writer = await connected(url).containers.writeArchive('any', { path: '/' })
    // One buffer for all: what has not gone yet would be overwritten.
    const piece = Buffer.alloc(PIECE_BYTES)
    for (let index = 0; index < PIECES; index += 1) {
      piece.fill(index & 0xff)
      await new Promise<void>((gone) => writer.write(piece, gone))
    }
    writer.end()
    await writer.done
    expect(await came).toEqual(Array.from({ length: PIECES }, (_, index) => index & 0xff))
  })
})

describe("a registry's refusal", { timeout: TEST_LIMIT_MS }, () => {
  const pulling = async (status: number, body: object) => {
    const fake = await fakeEngine(
      speaking({ newest: '1.44' }, (_, response) => {
        response.statusCode = status
        response.end(`${JSON.stringify(body)}\n`)
      }),
    )
    return problemOf(all(connected(fake.url).images.pull({ reference: 'registry.example/team/app:1' })))
  }

  test('of credentials is a registry-denied with a hint, before or within the pull', async () => {
    const message = 'pull access denied for team/app, repository does not exist or may require docker login'
    const denied = { code: 'registry-denied', hint: expect.stringContaining('docker login registry.example') }
    expect(await pulling(404, { message })).toMatchObject(denied)
    expect(await pulling(200, { error: message, errorDetail: { message } })).toMatchObject(denied)
  })

  test('of a name is an image-missing', async () => {
    const message = 'manifest for registry.example/team/app:1 not found: manifest unknown'
    expect(await pulling(404, { message })).toMatchObject({ code: 'image-missing', engine: { status: 404 } })
    expect(await pulling(200, { error: message })).toMatchObject({ code: 'image-missing' })
  })

  test('for any other reason is an engine-error in its own words', async () => {
    expect(await pulling(500, { message: 'toomanyrequests: slow down' })).toMatchObject({
      code: 'engine-error',
      message: 'toomanyrequests: slow down',
    })
  })
})

describe('an Engine that is killed and started again', () => {
  test('is reached again by the same connection', { timeout: 120_000 }, async (context) => {
    const reason = whyNoPrivateEngine()
    if (reason !== undefined) context.skip(reason)
    const lab = await privateEngine(uniqueName())
    onTestFinished(() => lab.remove())
    const engine = connected(lab.socket)
    const before = await engine.version()
    const lives = async (): Promise<void> => {
      const name = uniqueName()
      await engine.volumes.create({ Name: name })
      const events = engine.events({ since: '1', filters: { volume: [name] } })
      for await (const event of events) {
        expect(event).toMatchObject({ Type: 'volume', Action: 'create' })
        break
      }
      await engine.volumes.remove(name, {})
    }
    await lives()
    const events = problemOf(all(engine.events({})))
    const half = await engine.containers.list({ all: true })
    expect(half).toEqual([])

    await lab.kill()
    expect(await events).toMatchObject({ code: 'engine-unreachable' })
    expect(await problemOf(engine.containers.list({}))).toMatchObject({ code: 'engine-unreachable' })
    expect(await problemOf(engine.exec.start('any', { tty: false }))).toMatchObject({ code: 'engine-unreachable' })

    await lab.start()
    await engine.ping()
    expect(await engine.version()).toEqual(before)
    await lives()
  })
})

describe.each(testEngines())('over TCP, the Engine %s', (address) => {
  /** One of each kind of connection: call, stream, upgrade with half-close. */
  async function works(engine: Engine): Promise<void> {
    const name = uniqueName()
    onTestFinished(() => engine.containers.remove(name, { force: true }))
    await engine.containers.create({ name }, SLEEPER)
    await engine.containers.start(name)
    const reason = new Error('seen enough')
    const abort = new AbortController()
    const follow = async () => {
      const logs = engine.containers.logs(name, { follow: true }, { signal: abort.signal })
      for await (const _ of logs) abort.abort(reason)
    }
    await expect(follow()).rejects.toBe(reason)
    const body = {
      Cmd: ['/bin/sh', '-c', 'cat; echo done >&2'],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    }
    const { input, output } = await engine.exec.start((await engine.exec.create(name, body)).Id, { tty: false })
    input.end('hello\n')
    expect(await outputOf(output)).toEqual({ stdout: 'hello\n', stderr: 'done\n' })
  }

  const whyNoProxy = address.startsWith('unix://') ? undefined : 'The proxy stands in front of a Unix socket only.'

  test('works without TLS', { timeout: TEST_LIMIT_MS }, async (context) => {
    if (whyNoProxy !== undefined) context.skip(whyNoProxy)
    await ensureImages(address)
    const { host } = await tcpProxy(address)
    await works(connected(`tcp://${host}`))
  })

  test('works with TLS, each side knowing the other', { timeout: TEST_LIMIT_MS }, async (context) => {
    const reason = whyNoProxy ?? (await whyNoCertificates())
    if (reason !== undefined) context.skip(reason)
    await ensureImages(address)
    const certificates = await testFolder()
    await makeCertificates(certificates)
    const { host } = await tcpProxy(address, certificates)
    await works(connected(`tcp://${host}`, { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates }))
  })

  test('is unreachable for a client that does not know its authority', { timeout: TEST_LIMIT_MS }, async (context) => {
    const reason = whyNoProxy ?? (await whyNoCertificates())
    if (reason !== undefined) context.skip(reason)
    const [certificates, others] = [await testFolder(), await testFolder()]
    await makeCertificates(certificates)
    await makeCertificates(others)
    const { host } = await tcpProxy(address, certificates)
    const engine = connected(`tcp://${host}`, { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: others })
    expect(await problemOf(engine.ping())).toMatchObject({ code: 'engine-unreachable' })
  })
})
