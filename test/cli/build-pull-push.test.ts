/** Images through the daemon on each real Engine: build, push, pull, create, with a registry beside the Engine. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { projectFolder, runProgram, startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { startRegistry } from '../lab/registry.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINES = testEngines()
const LOGIN = 'ann:s3cret'

describe.each(ENGINES)('images on %s', (engine) => {
  const stack = `ektest-images-${process.pid}`
  const folder = temporaryFolder('images')
  const at = { cwd: folder.path }
  let daemon: Awaited<ReturnType<typeof startDaemon>>
  let open: Awaited<ReturnType<typeof startRegistry>>
  let closed: Awaited<ReturnType<typeof startRegistry>>

  const write = (path: string, text: string) => {
    mkdirSync(join(folder.path, path, '..'), { recursive: true })
    writeFileSync(join(folder.path, path), text)
  }
  const imageId = async (reference: string): Promise<string | undefined> => {
    const { status, text } = await engineCall(engine, 'GET', `/images/${reference}/json`, { accept: [404] })
    return status === 404 ? undefined : (JSON.parse(text).Id as string)
  }
  const forget = (reference: string) =>
    engineCall(engine, 'DELETE', `/images/${reference}?force=true`, { accept: [404, 409] })
  const containers = (): Promise<{ Names: string[]; State: string }[]> =>
    engineJson(
      engine,
      'GET',
      `/containers/json?all=true&filters=${encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${stack}`] }))}`,
    )
  /** Where `docker login` would have left its credentials. */
  const loggedIn = (auths: object) => {
    write('config/config.json', JSON.stringify({ auths }))
    return { ...at, env: { DOCKER_CONFIG: join(folder.path, 'config') } }
  }
  const ann = () => loggedIn({ [closed.host]: { auth: Buffer.from(LOGIN).toString('base64') } })
  const nobody = () => loggedIn({})
  const webImage = () => `${open.host}/lab/web:1`
  const privateImage = () => `${closed.host}/lab/private:1`

  beforeAll(async () => {
    open = await startRegistry(engine)
    closed = await startRegistry(engine, { login: LOGIN })
    daemon = await startDaemon(engine, 'images')
    write('web/Dockerfile', `FROM ek-lab/sleep:1\nARG WHO=nobody\nRUN echo "hello $WHO of ${stack}"\n`)
    write('bad/Dockerfile', `FROM ek-lab/sleep:1\nRUN echo "last words of ${stack}"; exit 3\n`)
    const services = {
      web: { image: webImage(), build: { context: './web', network: 'none' }, depends_on: ['db'] },
      db: { image: 'ek-lab/sleep:1', pull_policy: 'never', stop_grace_period: '1s' },
      local: { build: { context: './web', network: 'none' } },
      bad: { build: { context: './bad', network: 'none' }, profiles: ['bad'] },
      private: { image: privateImage(), build: { context: './web', network: 'none' }, profiles: ['private'] },
      missing: { image: `${open.host}/lab/missing:1`, profiles: ['missing'] },
    }
    write('compose.yaml', JSON.stringify({ name: stack, services }))
  })

  afterAll(async () => {
    await daemon?.remove()
    await sweep(engine, stack)
    for (const name of [webImage(), privateImage(), `${stack}-local`, `${stack}-bad`]) await forget(name)
    await open?.remove()
    await closed?.remove()
    folder.remove()
  })

  describe('build', () => {
    test('shows what the build writes as it is written, and makes no stack', async () => {
      const { stdout, stderr } = await daemon.must(['build', '--no-cache', '--build-arg', 'WHO=ann', 'web'], at)
      expect(stdout).toMatch(/^#\d+ .*\[2\/2\] RUN|^Step 3\/3 : RUN/m)
      expect(stdout).toContain(`hello ann of ${stack}`)
      expect(stderr).toContain(`${webImage()}  Built`)
      expect(await imageId(webImage())).toBeDefined()
      expect(await containers()).toEqual([])
      expect(JSON.parse((await daemon.must(['ls', '-a', '--format', 'json'])).stdout)).toEqual([])
    })

    test('takes the cache, unless it is told not to', async () => {
      const { stdout } = await daemon.must(['build', '--build-arg', 'WHO=ann', 'web'], at)
      expect(stdout).not.toMatch(new RegExp(`^#\\d+ \\S+ hello ann of ${stack}`, 'm'))
      expect(stdout).toMatch(/CACHED|Using cache/)
    })

    test('says whose the lines are where several go side by side', async () => {
      const { stdout } = await daemon.must(['build', '--no-cache', 'web', 'local'], at)
      expect(stdout).toMatch(/\[web 2\/2\] RUN/)
      expect(stdout).toMatch(/\[local 2\/2\] RUN/)
    })

    test('is silent with -q', async () => {
      const { stdout, stderr } = await daemon.must(['build', '-q', 'local'], at)
      expect(stdout + stderr).toBe('')
      expect(await imageId(`${stack}-local`)).toBeDefined()
    })

    test('that fails ends with exit code 1 and the last words of the build', async () => {
      const { code, stderr, stdout } = await daemon.ek(['build', 'bad'], at)
      expect(code).toBe(1)
      expect(stdout).toContain(`last words of ${stack}`)
      expect(stderr).toContain('building service bad failed')
      expect(stderr).toContain('exit code: 3')
      expect(await imageId(`${stack}-bad`)).toBeUndefined()
    })

    test('has nothing to do for a service without a build, and knows no service that is not there', async () => {
      expect(await daemon.must(['build', 'db'], at)).toMatchObject({ stdout: '', stderr: '' })
      const { code, stderr } = await daemon.ek(['build', 'nope'], at)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^no such service: nope\n/)
    })

    test('goes on to the registry with --push', async () => {
      await daemon.must(['build', '--push', 'web'], at)
      await forget(webImage())
      await daemon.must(['pull', 'web'], at)
      expect(await imageId(webImage())).toBeDefined()
    })
  })

  describe('push and pull', () => {
    test('bring the same image back', async () => {
      await daemon.must(['build', '-q', 'web'], at)
      const built = await imageId(webImage())
      const { stderr } = await daemon.must(['push'], at)
      expect(stderr).toContain(' web  Pushed')
      expect(stderr).toContain(' db  Skipped')
      expect(stderr).toContain(' local  Skipped')
      await forget(webImage())
      expect(await imageId(webImage())).toBeUndefined()
      expect((await daemon.must(['pull'], at)).stderr).toContain(' web  Pulled')
      expect(await imageId(webImage())).toBe(built)
    })

    test('that is silent with -q does it all the same', async () => {
      await forget(webImage())
      expect(await daemon.must(['pull', '-q', 'web'], at)).toMatchObject({ stdout: '', stderr: '' })
      expect(await imageId(webImage())).toBeDefined()
      expect(await daemon.must(['push', '-q', 'web'], at)).toMatchObject({ stdout: '', stderr: '' })
    })

    test('skip what is here, or can be built, where that is wanted', async () => {
      const present = await daemon.must(['pull', '--policy', 'missing', 'web'], at)
      expect(present.stderr).toContain('web  Skipped - Image is already present locally')
      const buildable = await daemon.must(['pull', '--ignore-buildable', 'web'], at)
      expect(buildable.stderr).toContain('web  Skipped - Image can be built')
    })

    test('of an image that no registry has fail with its name, and are ignored on demand', async () => {
      const { code, stderr } = await daemon.ek(['pull', 'missing', 'web'], at)
      expect(code).toBe(1)
      expect(stderr).toContain(`the registry has no ${open.host}/lab/missing:1`)
      expect(stderr).toContain(' web  Pulled')
      expect((await daemon.ek(['pull', '--ignore-pull-failures', 'missing'], at)).code).toBe(0)
    })

    test('of an image that is not built says so', async () => {
      await forget(webImage())
      const { code, stderr } = await daemon.ek(['push', 'web'], at)
      expect(code).toBe(1)
      expect(stderr).toContain(`there is no image ${webImage()} here to push`)
      expect((await daemon.ek(['push', '--ignore-push-failures', 'web'], at)).code).toBe(0)
    })
  })

  describe('a registry that asks for a password', () => {
    /** What the command ends with, after its progress. */
    const complaint = (stderr: string) => stderr.split('\n').filter((line) => line.startsWith('the registry refused'))

    test('takes a push and gives a pull to who has logged in', async () => {
      await daemon.must(['build', '-q', 'private'], at)
      const built = await imageId(privateImage())
      await daemon.must(['push', 'private'], ann())
      await forget(privateImage())
      await daemon.must(['pull', 'private'], ann())
      expect(await imageId(privateImage())).toBe(built)
    })

    test.each([['pull'], ['push']])('refuses a %s without, in one line that says what to do', async (command) => {
      const { code, stderr } = await daemon.ek([command, 'private'], nobody())
      expect(code).toBe(1)
      expect(complaint(stderr)).toHaveLength(1)
      expect(complaint(stderr)[0]).toContain(privateImage())
      expect(stderr).toContain(`docker login ${closed.host}`)
    })

    test('refuses a wrong password, which no output and no log shows', async () => {
      const wrong = loggedIn({ [closed.host]: { auth: Buffer.from('ann:wr0ng-pass').toString('base64') } })
      const { code, stdout, stderr } = await daemon.ek(['pull', 'private'], wrong)
      expect(code).toBe(1)
      expect(complaint(stderr)).toHaveLength(1)
      expect(stdout + stderr + daemon.log()).not.toContain('wr0ng-pass')
    })
  })

  test('Ctrl-C ends the build with its client', async () => {
    const seconds = 1000 + process.pid
    write('slow/Dockerfile', `FROM ek-lab/sleep:1\nRUN echo begun; sleep ${seconds}\n`)
    write(
      'slow.yaml',
      JSON.stringify({ name: stack, services: { slow: { build: { context: './slow', network: 'none' } } } }),
    )
    /** A shell becomes its last command: that is what the machine's list of processes has. */
    const isStepRunning = async () => (await runProgram('ps', ['-eo', 'args'])).stdout.includes(`sleep ${seconds}`)
    const client = spawn(join(projectFolder, 'dist/bin/ek'), ['-f', 'slow.yaml', 'build', '--no-cache'], {
      ...at,
      env: { ...process.env, EVENKEEL_HOST: `unix://${daemon.socket}` },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let output = ''
    client.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    const ended = new Promise<number | null>((resolve) => client.once('exit', resolve))
    await until('the step writes', () => /^#\d+ \S+ begun|^begun/m.test(output))
    expect(await isStepRunning()).toBe(true)
    client.kill('SIGINT')
    expect(await ended).toBe(130)
    await until('no step of it runs any more', async () => !(await isStepRunning()))
  })

  describe('what a build reads', () => {
    const stackOf = (services: object, top: object = {}) =>
      write('reads.yaml', JSON.stringify({ name: stack, services, ...top }))
    const reads = ['-f', 'reads.yaml', 'build', '--no-cache']

    test('is a secret’s value, which neither the output nor the daemon’s files keep', async () => {
      const value = `s3cr3t-of-${stack}`
      write('token', value)
      write(
        'secret/Dockerfile',
        'FROM ek-lab/sleep:1\nRUN --mount=type=secret,id=token md5sum /run/secrets/token | cut -d" " -f1\n',
      )
      stackOf(
        { local: { build: { context: './secret', network: 'none', secrets: ['token'] } } },
        { secrets: { token: { file: './token' } } },
      )
      const { stdout, stderr } = await daemon.must(reads, at)
      expect(stdout).toContain(createHash('md5').update(value).digest('hex'))
      expect(stdout + stderr + daemon.log()).not.toContain(value)
      expect((await runProgram('grep', ['-rlF', value, daemon.state])).stdout).toBe('')
    })

    test('is a base image behind a password, with the credentials of who asks', async () => {
      await daemon.must(['build', '-q', 'private'], at)
      await daemon.must(['push', 'private'], ann())
      await forget(privateImage())
      write('base/Dockerfile', `FROM ${privateImage()}\n`)
      stackOf({ local: { build: { context: './base', network: 'none' } } })
      const refused = await daemon.ek([...reads, '--pull'], nobody())
      expect(refused.code).toBe(1)
      expect(refused.stderr).toContain('docker login')
      await daemon.must([...reads, '--pull'], ann())
    })

    test('is the image of another service, which is built first; an Engine too old for it says so', async () => {
      const { ApiVersion } = await engineJson(engine, 'GET', '/version')
      write('below/Dockerfile', `FROM ek-lab/sleep:1\nRUN echo "from below" > /below.txt\n`)
      write('above/Dockerfile', 'FROM ek-lab/sleep:1\nCOPY --from=below /below.txt /\nRUN cat /below.txt\n')
      stackOf({
        local: { build: { context: './above', network: 'none', additional_contexts: { below: 'service:bad' } } },
        bad: { build: { context: './below', network: 'none' } },
      })
      const { code, stdout, stderr } = await daemon.ek([...reads, 'local'], at)
      if (Number(ApiVersion.split('.')[1]) < 42) {
        expect(code).toBe(1)
        expect(stderr).toContain('additional_contexts')
        return
      }
      expect(code).toBe(0)
      expect(stdout).toMatch(/^#\d+ \S+ from below$/m)
    })
  })

  describe('create', () => {
    afterAll(() => daemon.ek(['down', '-t', '0'], at))

    test('makes containers with their dependencies, and starts none', async () => {
      await daemon.must(['build', '-q', 'web'], at)
      const { stderr } = await daemon.must(['create', 'web'], at)
      expect(stderr).toContain(`Container ${stack}-web-1  Created`)
      expect((await containers()).map(({ Names, State }) => `${Names[0]} ${State}`).sort()).toEqual([
        `/${stack}-db-1 created`,
        `/${stack}-web-1 created`,
      ])
    })

    test('again has nothing to do; --force-recreate makes them anew', async () => {
      expect((await daemon.must(['create', 'web'], at)).stderr).toBe('')
      expect((await daemon.must(['create', '--force-recreate', 'db'], at)).stderr).toContain(
        `Container ${stack}-db-1  Recreated`,
      )
    })

    test('takes --scale, and up then starts what is there', async () => {
      await daemon.must(['create', '--scale', 'db=2', 'db'], at)
      expect(await containers()).toHaveLength(3)
      await daemon.must(['up', '--no-build', '--scale', 'db=2', 'db'], at)
      const states = (await containers()).map(({ Names, State }) => `${Names[0]} ${State}`).sort()
      expect(states).toEqual([`/${stack}-db-1 running`, `/${stack}-db-2 running`, `/${stack}-web-1 created`])
    })

    test('refuses flags that contradict each other', async () => {
      const { code, stderr } = await daemon.ek(['create', '--force-recreate', '--no-recreate'], at)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^--force-recreate and --no-recreate are incompatible/)
    })
  })
})
