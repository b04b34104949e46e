import { randomBytes } from 'node:crypto'
import { chmodSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openAgent } from '../../../client/ssh/open-agent.ts'
import { startGitServer } from '../../lab/git-server.mjs'
import { BASE, Bench, ENGINES, ensureImages } from './support.ts'

const SSH_KEYS = join(import.meta.dirname, '../../fixtures/ssh')

/** Asks the agent of a build for its keys, for a signature by each, and to forget them. */
const ASK_AGENT = `
import { createConnection } from 'node:net'
const socket = createConnection(process.env.SSH_AUTH_SOCK)
const string = (bytes) => Buffer.concat([Buffer.from(new Uint32Array([bytes.length]).buffer).reverse(), bytes])
let held = Buffer.alloc(0)
let told = () => {}
socket.on('data', (data) => {
  held = Buffer.concat([held, data])
  if (held.length >= 4 && held.length === 4 + held.readUInt32BE(0)) told(held.subarray(4))
})
const ask = (message) => new Promise((resolve) => {
  held = Buffer.alloc(0)
  told = resolve
  socket.write(string(message))
})
const list = await ask(Buffer.of(11))
for (let at = 5; at < list.length; ) {
  const key = list.subarray(at + 4, at + 4 + list.readUInt32BE(at))
  at += 4 + key.length
  at += 4 + list.readUInt32BE(at)
  const answer = await ask(Buffer.concat([Buffer.of(13), string(key), string(Buffer.from('data')), Buffer.alloc(4)]))
  console.log(key.subarray(4, 4 + key.readUInt32BE(0)).toString(), answer[0])
}
console.log('remove', (await ask(Buffer.of(19)))[0])
socket.end()
`

describe.skipIf(ENGINES.length === 0).each(ENGINES)('BuildKit at %s', (address) => {
  let bench: Bench
  let hasNamedContexts: boolean
  let imageStore: 'graph-driver' | 'containerd'
  const tag = randomBytes(4).toString('hex')

  beforeAll(async () => {
    await ensureImages(address)
    bench = new Bench(address)
    hasNamedContexts = await bench.engine.atLeast('1.42')
    const { DriverStatus } = await bench.engine.info()
    imageStore = JSON.stringify(DriverStatus).includes('io.containerd.snapshotter') ? 'containerd' : 'graph-driver'
  })
  afterAll(() => bench.close())

  test('a stage is chosen by target, and args reach it', async () => {
    const context = bench.write('stages', {
      'src/main.txt': `main ${tag}\n`,
      Dockerfile: `FROM ${BASE} AS made\nARG WHO=nobody\nCOPY src/ /src/\nRUN echo "for $WHO" > /made.txt\nFROM scratch AS wanted\nCOPY --from=made /made.txt /src/main.txt /out/\nFROM ${BASE} AS last\nRUN false\n`,
    })
    await bench.build({ context, target: 'wanted', args: { WHO: 'you, too', NOT: null } })
    expect(await bench.files('/out')).toMatchObject({
      'out/made.txt': 'for you, too\n',
      'out/main.txt': `main ${tag}\n`,
    })
  })

  test('a secret can be read during RUN and is nowhere in the image', async () => {
    const context = bench.write('secret', {
      Dockerfile: `FROM ${BASE}\nRUN --mount=type=secret,id=token md5sum /run/secrets/token | cut -d" " -f1 > /digest && echo ${tag}\nRUN --mount=type=secret,id=absent test ! -e /run/secrets/absent\n`,
    })
    const value = `s3cr3t-${tag}`
    await bench.build(
      { context, secrets: [{ source: 'token' }] },
      { secrets: new Map([['token', () => Buffer.from(value)]]) },
    )
    const { createHash } = await import('node:crypto')
    expect((await bench.files('/digest')).digest?.trim()).toBe(createHash('md5').update(value).digest('hex'))
    expect(JSON.stringify(await bench.files('/run'))).not.toContain(value)
    expect(JSON.stringify(await bench.engine.images.inspect('ek-build-test:latest'))).not.toContain(value)
    expect(bench.lines.join('\n')).not.toContain(value)
  })

  test('a secret that was not sent is named', async () => {
    const context = bench.write('secret-missing', { Dockerfile: `FROM ${BASE}\n` })
    const problem = await bench.refusal({ context, secrets: [{ source: 'token', target: 'id' }] })
    expect(problem).toMatchObject({ code: 'build-failed' })
    expect(problem.message).toContain('secret token')
  })

  test('additional contexts: a folder, an image, another service', async () => {
    const context = bench.write('additional/app', {
      Dockerfile: `FROM ${BASE}\nCOPY --from=lib . /lib2/\nCOPY --from=tool /bin/busybox /tool\nCOPY --from=other /other.txt /\n`,
    })
    const lib = bench.write('additional/lib', {
      'a.txt': tag,
      'skip.log': 'no',
      '.dockerignore': '*.log\n.dockerignore\n',
    })
    const other = bench.write('additional/other', {
      Dockerfile: 'FROM scratch\nCOPY other.txt /\n',
      'other.txt': 'of the other',
    })
    await bench.build({ context: other }, { service: 'other', imageName: 'ek-build-test-other' })
    const build = { context, additional_contexts: { lib, tool: `docker-image://${BASE}`, other: 'service:other' } }
    if (!hasNamedContexts) {
      const problem = await bench.refusal(build)
      expect(problem).toMatchObject({ code: 'unsupported' })
      expect(problem.message).toContain('services.web.build.additional_contexts')
      return
    }
    await bench.build(build)
    expect(await bench.files('/lib2')).toMatchObject({ 'lib2/a.txt': tag })
    expect(Object.keys(await bench.files('/lib2'))).not.toContain('lib2/skip.log')
    expect(await bench.files('/other.txt')).toEqual({ 'other.txt': 'of the other' })
  })

  test('an inline Dockerfile is used and is not in the context', async () => {
    const context = bench.write('inline', { 'a.txt': tag, Dockerfile: 'FROM nonsense\n' })
    await bench.build({ context, dockerfile_inline: 'FROM scratch\nCOPY . /all/\n' })
    expect(Object.keys(await bench.files('/all')).sort()).toEqual(['all/', 'all/Dockerfile', 'all/a.txt'])
  })

  test('a Dockerfile in a folder, in lower case, or outside of the context', async () => {
    const context = bench.write('places/app', {
      'a.txt': tag,
      'docker/My.Dockerfile': 'FROM scratch\nCOPY a.txt /one\n',
      dockerfile: 'FROM scratch\nCOPY a.txt /two\n',
    })
    bench.write('places', {
      'Out.Dockerfile': 'FROM scratch\nCOPY . /three/\n',
      'Out.Dockerfile.dockerignore': 'docker\n',
    })
    await bench.build({ context, dockerfile: 'docker/My.Dockerfile' })
    expect(await bench.files('/one')).toEqual({ one: tag })
    await bench.build({ context })
    expect(await bench.files('/two')).toEqual({ two: tag })
    await bench.build({ context, dockerfile: '../Out.Dockerfile' })
    expect(Object.keys(await bench.files('/three')).sort()).toEqual(['three/', 'three/a.txt', 'three/dockerfile'])
  })

  test('a second build takes all steps from the cache', async () => {
    const context = bench.write('cache', {
      'a.txt': tag,
      Dockerfile: `FROM ${BASE}\nCOPY a.txt /\nRUN echo ${tag} > /made\n`,
    })
    await bench.build({ context })
    const first = await bench.engine.images.inspect('ek-build-test:latest')
    expect(bench.lines.some((line) => line.startsWith('CACHED') && line.includes('RUN'))).toBe(false)
    await bench.build({ context })
    expect(bench.lines.some((line) => line.startsWith('CACHED') && line.includes('RUN'))).toBe(true)
    expect((await bench.engine.images.inspect('ek-build-test:latest'))?.Id).toBe(first?.Id)
    await bench.build({ context, no_cache: true })
    expect(bench.lines.some((line) => line.startsWith('CACHED') && line.includes('RUN'))).toBe(false)
  })

  test('of 5,000 files only those that changed are sent again', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 5000 }, (_, index) => [
        `d${index % 50}/f${index}.txt`,
        `${tag} ${index} ${'x'.repeat(600)}`,
      ]),
    )
    const context = bench.write('many', { ...files, Dockerfile: 'FROM scratch\nCOPY . /all/\n' })
    const run = async () => {
      bench.bytesSent()
      const start = performance.now()
      await bench.build({ context }, { service: 'many' })
      return { bytes: bench.bytesSent(), ms: Math.round(performance.now() - start) }
    }
    const first = await run()
    const second = await run()
    // The same size at the same second.
    const changed = join(context, 'd7/f7.txt')
    const { mtime } = (await import('node:fs')).statSync(changed)
    writeFileSync(changed, files['d7/f7.txt']!.replaceAll('x', 'y'))
    utimesSync(changed, mtime, mtime)
    const third = await run()
    console.log(`${address}: 5,000 files`, { first, second, third })
    expect(first.bytes).toBeGreaterThan(3_000_000)
    expect(second.bytes).toBeLessThan(first.bytes / 8)
    expect(third.bytes).toBeLessThan(second.bytes + 5000)
    expect((await bench.files('/all/d7/f7.txt'))['f7.txt']).toContain('yyyy')
  })

  test('a failure says which step, and its last lines', async () => {
    const context = bench.write('fails', {
      Dockerfile: `FROM ${BASE}\nRUN for i in $(seq 1 30); do echo line-$i-${tag}; done; echo on stderr >&2; exit 7\n`,
    })
    const problem = await bench.refusal({ context })
    expect(problem).toMatchObject({ code: 'build-failed' })
    expect(problem.message).toContain('RUN for i in')
    expect(problem.message).toContain('exit code: 7')
    expect(problem.message).toContain(`line-30-${tag}`)
    expect(problem.message).toContain('on stderr')
    expect(problem.message).not.toContain(`line-20-${tag}`)
  })

  test('what is wrong with a Dockerfile or a base image is said', async () => {
    const context = bench.write('wrong', {
      Dockerfile: 'FROM scratch\nNONSENSE\n',
      Other: 'FROM scratch\nCOPY none /\n',
    })
    expect((await bench.refusal({ context })).message).toMatch(/unknown instruction: NONSENSE/i)
    expect((await bench.refusal({ context, dockerfile: 'Other' })).message).toContain('/none')
  })

  test('an abort ends the build at once, on the Engine too', async () => {
    const context = bench.write('abort', { Dockerfile: `FROM ${BASE}\nRUN echo begun-${tag}; sleep 90\n` })
    const controller = new AbortController()
    const reason = new Error('superseded')
    const building = bench.refusal({ context }, {}, controller.signal)
    await bench.until(`begun-${tag}`)
    const start = performance.now()
    controller.abort(reason)
    expect(await building).toBe(reason)
    expect(performance.now() - start).toBeLessThan(2000)
    // The next build is not held up.
    await bench.build({ context: bench.write('after-abort', { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' }) })
  })

  test('a connection that breaks in the middle is an error that says so', async () => {
    const context = bench.write('breaks', { Dockerfile: `FROM ${BASE}\nRUN echo cut-${tag}; sleep 90\n` })
    const building = bench.refusal({ context })
    await bench.until(`cut-${tag}`)
    bench.breakConnections()
    expect(await building).toMatchObject({ code: 'engine-unreachable' })
  })

  test('.dockerignore holds, with exceptions and many lines', async () => {
    const context = bench.write('ignore', {
      'keep/a.txt': 'a',
      'keep/b.log': 'b',
      'keep/deep/er/c.log': 'c',
      'keep/deep/er/d.txt': 'd',
      'node_modules/x/index.js': 'x',
      'node_modules/x/keep.md': 'kept',
      'dist/out.js': 'o',
      'täst.txt': 'ä',
      'übrig.txt': 'ü',
      Dockerfile: 'FROM scratch\nCOPY . /all/\n',
      '.dockerignore': `# comment\n**/*.log\n!keep/b.log\nnode_modules\n!node_modules/*/*.md\n/dist/\nDockerfile\n.dockerignore\ntäst.txt\n${Array.from({ length: 400 }, (_, index) => `never/there/${index}/*.tmp`).join('\n')}\n`,
    })
    await bench.build({ context })
    const found = Object.keys(await bench.files('/all')).filter((path) => !path.endsWith('/'))
    expect(found.sort()).toEqual([
      'all/keep/a.txt',
      'all/keep/b.log',
      'all/keep/deep/er/d.txt',
      'all/node_modules/x/keep.md',
      'all/übrig.txt',
    ])
  })

  test('modes, symlinks, long names and large files arrive as they are', async () => {
    const long = `${'long-name-'.repeat(12)}.txt`
    const big = randomBytes(9_000_000)
    const context = bench.write('kinds', {
      'run.sh': '#!/bin/sh\n',
      [`very/${long}`]: 'long',
      'big.bin': big,
      'real/x': 'through',
      Dockerfile: `FROM ${BASE}\nCOPY . /all/\nCOPY link/x /linked\nRUN md5sum /all/big.bin | cut -d" " -f1 > /sum; stat -c %a /all/run.sh > /mode\n`,
    })
    chmodSync(join(context, 'run.sh'), 0o755)
    symlinkSync('real', join(context, 'link'))
    await bench.build({ context })
    const { createHash } = await import('node:crypto')
    expect((await bench.files('/sum')).sum?.trim()).toBe(createHash('md5').update(big).digest('hex'))
    expect((await bench.files('/mode')).mode?.trim()).toBe('755')
    expect(await bench.files('/linked')).toEqual({ linked: 'through' })
    expect(await bench.files('/all/link')).toEqual({ link: '-> real' })
    expect((await bench.files(`/all/very/${long}`))[long]).toBe('long')
  })

  test('tags, labels, network, hosts, platform, inline cache', async () => {
    const context = bench.write('keys', {
      Dockerfile: `FROM ${BASE}\nRUN cat /etc/hosts > /hosts; ls /sys/class/net > /net; echo ${tag}\n`,
    })
    const platform = `linux/${{ x64: 'amd64' }[process.arch as string] ?? process.arch}`
    await bench.build({
      context,
      tags: [`ek-build-test-tag:${tag}`],
      labels: { 'a.b': 'c=d, e' },
      network: 'none',
      extra_hosts: ['db=10.1.2.3', 'six=[::1]'],
      platforms: [platform],
      cache_to: ['type=inline'],
      cache_from: ['ek-build-test:latest'],
      provenance: 'false',
    })
    const image = await bench.engine.images.inspect(`ek-build-test-tag:${tag}`)
    expect(image?.Config?.Labels).toMatchObject({ 'a.b': 'c=d, e' })
    expect((await bench.files('/hosts')).hosts).toMatch(/10\.1\.2\.3\s+db/)
    expect((await bench.files('/hosts')).hosts).toMatch(/::1\s+six/)
    expect((await bench.files('/net')).net?.trim()).toBe('lo')
  })

  test('host network, and limits where the frontend knows them', async () => {
    const context = bench.write('limits', {
      Dockerfile: `FROM ${BASE}\nRUN ulimit -n > /n; df -k /dev/shm | tail -1 > /shm; ls /sys/class/net > /net; echo ${tag}\n`,
    })
    await bench.build({ context, network: 'host' })
    expect((await bench.files('/net')).net).toContain('docker0')
    for (const [key, build] of [
      ['shm_size', { context, shm_size: '134217728' }],
      ['ulimits', { context, ulimits: { nofile: { soft: 1234, hard: 2345 } } }],
    ] as const) {
      if (hasNamedContexts) {
        await bench.build(build)
        if (key === 'shm_size') expect((await bench.files('/shm')).shm).toMatch(/\s131072\s/)
        else expect((await bench.files('/n')).n?.trim()).toBe('1234')
      } else expect((await bench.refusal(build)).message).toContain(`build.${key}`)
    }
  })

  test('what the docker driver refuses is refused by name', async () => {
    const context = bench.write('refused', { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
    const cases = {
      network: { network: 'mine' },
      cache_to: { cache_to: ['type=local,dest=/tmp'] },
      cache_from: { cache_from: ['type=local,src=/tmp'] },
      isolation: { isolation: 'hyperv' },
      ...(imageStore === 'containerd'
        ? {}
        : {
            platforms: { platforms: ['linux/amd64', 'linux/arm64'] },
            provenance: { provenance: 'mode=max' },
            sbom: { sbom: 'true' },
          }),
    }
    for (const [key, build] of Object.entries(cases)) {
      const problem = await bench.refusal({ context, ...build })
      expect(problem).toMatchObject({ code: 'unsupported' })
      expect(problem.message).toContain(`services.web.build.${key}:`)
    }
    const privileged = await bench.refusal({ context, privileged: true })
    expect(privileged).toMatchObject({ code: 'unsupported' })
    expect(privileged.message).toContain('security.insecure')
    expect(privileged.hint).toContain('daemon.json')
  })

  test('a lent SSH agent tells its keys and signs during RUN, and is nowhere else', async () => {
    const context = bench.write('ssh', {
      'ask.mjs': ASK_AGENT,
      Dockerfile: `FROM ek-lab/app:1\nCOPY ask.mjs /\nRUN --mount=type=ssh node /ask.mjs > /said; echo ${tag}\nRUN test -z "$SSH_AUTH_SOCK"\n`,
    })
    const keys = ['key-ed25519-256', 'key-rsa-2048'].map((name) => join(SSH_KEYS, name))
    const agent = openAgent(keys.join(','), 'test', {})
    const ask = async (message: Buffer) => Buffer.from(await agent.answer(message))
    await bench.build({ context, ssh: { default: null } }, { agents: new Map([['default', { ask }]]) })
    expect((await bench.files('/said')).said).toBe('ssh-ed25519 14\nssh-rsa 14\nremove 5\n')
  })

  test('an agent that was not lent is named', async () => {
    const context = bench.write('ssh-missing', { Dockerfile: `FROM ${BASE}\n` })
    const problem = await bench.refusal({ context, ssh: { git: null } })
    expect(problem).toMatchObject({ code: 'build-failed' })
    expect(problem.message).toBe('services.web.build.ssh: no SSH agent was lent for git')
  })

  test('a Dockerfile is checked, and nothing is built', async () => {
    const context = bench.write('check', { Dockerfile: `FROM ${BASE}\nENV A b\nCMD echo hi\n` })
    const imageName = `ek-build-test-check:${tag}`
    if (!(await bench.engine.atLeast('1.46'))) {
      await expect(bench.check({ context })).rejects.toMatchObject({ code: 'engine-too-old' })
      return
    }
    const { warnings, sources } = await bench.check({ context }, { imageName })
    expect(warnings.map(({ rule, ranges }) => [rule, ranges])).toEqual([
      ['LegacyKeyValueFormat', [{ start: 2, end: 2 }]],
      ['JSONArgsRecommended', [{ start: 3, end: 3 }]],
    ])
    expect(sources).toEqual([{ file: 'Dockerfile', text: `FROM ${BASE}\nENV A b\nCMD echo hi\n` }])
    expect(await bench.engine.images.inspect(imageName)).toBeUndefined()
    const broken = bench.write('check-broken', { Dockerfile: `FROM ${BASE}\nWAT\n` })
    expect((await bench.check({ context: broken })).error).toMatchObject({
      message: expect.stringContaining('unknown instruction: WAT'),
      ranges: [{ start: 2, end: 2 }],
    })
    const clean = bench.write('check-clean', { Dockerfile: `FROM ${BASE}\nCMD ["true"]\n` })
    expect(await bench.check({ context: clean })).toMatchObject({ warnings: [] })
  })

  describe('a context in a Git repository', () => {
    let repository: Awaited<ReturnType<typeof startGitServer>>
    let url: string

    beforeAll(async () => {
      const files = (who: string) => ({ Dockerfile: `FROM ${BASE}\nCOPY who.txt /\n`, 'who.txt': who })
      const inFolder = Object.entries(files(`folder ${tag}`)).map(([name, text]) => [`sub/${name}`, text])
      repository = await startGitServer({
        main: { ...files(`main ${tag}`), ...Object.fromEntries(inFolder) },
        next: files(`next ${tag}`),
      })
      url = `http://${await bench.addressOf(repository)}:${repository.port}${repository.path}`
    })
    afterAll(() => repository.close())

    test('is fetched by its branch', async () => {
      await bench.build({ context: `${url}#next` })
      expect(await bench.files('/who.txt')).toEqual({ 'who.txt': `next ${tag}` })
      await bench.build({ context: `${url}#main`, dockerfile_inline: `FROM ${BASE}\nCOPY who.txt /inline\n` })
      expect(await bench.files('/inline')).toEqual({ inline: `main ${tag}` })
    })

    test('may be a folder, or the default branch, where the Engine knows of them', async () => {
      if (!hasNamedContexts) {
        const problem = await bench.refusal({ context: `${url}#main:sub` })
        expect(problem).toMatchObject({ code: 'unsupported' })
        expect((await bench.refusal({ context: url })).hint).toBe('name the branch in the context: URL#BRANCH')
        return
      }
      await bench.build({ context: `${url}#main:sub` })
      expect(await bench.files('/who.txt')).toEqual({ 'who.txt': `folder ${tag}` })
      await bench.build({ context: url })
      expect(await bench.files('/who.txt')).toEqual({ 'who.txt': `main ${tag}` })
    })

    test('that is not there fails with what Git says of it', async () => {
      const problem = await bench.refusal({ context: `${url}#nowhere` })
      expect(problem).toMatchObject({ code: 'build-failed' })
      expect(problem.message).toContain(`load git source ${url}#nowhere`)
    })

    test('is fetched for the classic builder as well, folder and all', async () => {
      const old = new Bench(address, ['/grpc', '/session'])
      try {
        await old.build({ context: `${url}#main:sub` })
        expect(await old.files('/who.txt')).toEqual({ 'who.txt': `folder ${tag}` })
      } finally {
        await old.close()
      }
    })
  })

  test('builds run side by side', async () => {
    const names = ['a', 'b', 'c', 'd']
    await Promise.all(
      names.map((name) => {
        const context = bench.write(`side/${name}`, {
          'x.txt': `${name} ${tag}`,
          Dockerfile: `FROM ${BASE}\nCOPY x.txt /x.txt\nRUN cat /x.txt\n`,
        })
        return bench.build({ context }, { service: name, imageName: `ek-build-test-side:${name}` })
      }),
    )
    for (const name of names)
      expect(await bench.files('/x.txt', `ek-build-test-side:${name}`)).toEqual({ 'x.txt': `${name} ${tag}` })
  })

  test('a long silent step outlives the health checks of the session', { timeout: 60_000 }, async () => {
    const context = bench.write('silent', {
      'x.txt': tag,
      Dockerfile: `FROM ${BASE} AS one\nRUN sleep 14; echo ${tag}\nFROM ${BASE}\nCOPY --from=one /etc/passwd /p\nCOPY x.txt /\n`,
    })
    await bench.build({ context })
    expect(await bench.files('/x.txt')).toEqual({ 'x.txt': tag })
  })

  describe('where a proxy refuses POST /grpc', () => {
    let narrow: Bench
    beforeAll(() => {
      narrow = new Bench(address, ['/grpc'])
    })
    afterAll(() => narrow.close())

    test('POST /build with version=2 builds through the session', async () => {
      const context = narrow.write('narrow', {
        'a.txt': tag,
        Dockerfile: `FROM ${BASE}\nARG A\nCOPY a.txt /\nRUN --mount=type=secret,id=t echo "$A $(cat /run/secrets/t | wc -c)" > /made\n`,
      })
      await narrow.build(
        { context, args: { A: 'arg' }, secrets: [{ source: 't' }], tags: [`ek-build-test-narrow:${tag}`] },
        { secrets: new Map([['t', () => Buffer.from('12345')]]) },
      )
      expect(await narrow.files('/made', `ek-build-test-narrow:${tag}`)).toEqual({ made: 'arg 5\n' })
      expect(narrow.lines.some((line) => line.includes('RUN --mount=type=secret'))).toBe(true)
    })

    test('its failures and refusals are told as well', async () => {
      const context = narrow.write('narrow-fails', { Dockerfile: `FROM ${BASE}\nRUN echo last-${tag}; exit 9\n` })
      const problem = await narrow.refusal({ context })
      expect(problem).toMatchObject({ code: 'build-failed' })
      expect(problem.message).toContain(`last-${tag}`)
      expect(problem.message).toContain('exit code: 9')
      expect((await narrow.refusal({ context, additional_contexts: { a: 'docker-image://b' } })).message).toContain(
        'additional_contexts',
      )
    })

    test('an abort ends it as well', async () => {
      const context = narrow.write('narrow-abort', { Dockerfile: `FROM ${BASE}\nRUN echo slow-${tag}; sleep 90\n` })
      const controller = new AbortController()
      const building = narrow.refusal({ context }, {}, controller.signal)
      await narrow.until(`slow-${tag}`)
      controller.abort(new Error('superseded'))
      expect((await building).message).toBe('superseded')
    })
  })

  describe('where there is no BuildKit', () => {
    let old: Bench
    beforeAll(() => {
      old = new Bench(address, ['/grpc', '/session'])
    })
    afterAll(() => old.close())

    test('the classic builder builds', async () => {
      const context = old.write('classic', { 'a.txt': tag, 'b.txt': 'b', '.dockerignore': 'b.txt\n' })
      await old.build({
        context,
        dockerfile_inline: `FROM ${BASE}\nCOPY . /all/\n`,
        tags: [`ek-build-test-classic:${tag}`],
      })
      expect(Object.keys(await old.files('/all', `ek-build-test-classic:${tag}`)).sort()).toEqual([
        'all/',
        'all/.dockerignore',
        'all/a.txt',
      ])
    })

    test('what needs BuildKit is refused by name', async () => {
      const context = old.write('classic-refused', { Dockerfile: `FROM ${BASE}\n` })
      const problem = await old.refusal(
        { context, secrets: [{ source: 't' }] },
        { secrets: new Map([['t', () => Buffer.from('x')]]) },
      )
      expect(problem.message).toContain('services.web.build.secrets')
    })
  })
})
