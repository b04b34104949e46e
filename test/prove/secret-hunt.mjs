import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LabDaemon, projectFolder, runProgram, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'

const COUNT = 20
/** Asked for as variables: those are in the Engine's own files as well, and nowhere else. */
const VARIABLES = ['v0', 'v1']
const client = join(projectFolder, 'dist/bin/ek')

/** Sets secrets, runs the commands, makes them fail, and looks for the values everywhere but where they belong. */
export const secretHunt = {
  name: 'secret-hunt',
  shows:
    'twenty secrets are in their containers, and in no output, log, state, argument, inspect or image history; two asked for as variables in the files of the Engine besides',
  async run({ engine, show }) {
    const folder = temporaryFolder('hunt')
    const daemon = await new LabDaemon({ engine, folder: join(folder.path, makeFolder(folder.path, 'daemon')) }).start()
    const quiet = `ekproof-quiet-${process.pid}`
    const leaky = `ekproof-leaky-${process.pid}`
    const values = Array.from({ length: COUNT }, (_, index) => secretOf(index))
    const variables = VARIABLES.map((_, index) => secretOf(200 + index * 4))
    const places = new Map()
    const watched = watchProcesses()
    /** All that a command says is looked through. */
    const ek = async (stack, args, options = {}) => {
      const cwd = join(folder.path, stack)
      const env = { ...process.env, EVENKEEL_HOST: `unix://${daemon.socket}`, NO_COLOR: '1' }
      const result = await runProgram(client, args, { cwd, env, timeoutMs: 60_000, ...options })
      const name = `${args.join(' ')} (${stack.includes('leaky') ? 'leaky' : 'quiet'})`
      places.set(`output of ek ${name}`, Buffer.from(result.stdout + result.stderr))
      return result
    }
    try {
      const names = values.map((_, index) => `s${index}`)
      const service = { image: 'ek-lab/sleep:1', stop_grace_period: '0s' }
      const secrets = Object.fromEntries([...names, ...VARIABLES].map((name) => [name, { external: true }]))
      const asVariables = VARIABLES.map((name) => ({ source: name, 'x-evenkeel': { env: name.toUpperCase() } }))
      const loud = 'cat /run/secrets/s0; base64 /run/secrets/s1; exit 3'
      writeStack(folder.path, quiet, {
        services: { web: { ...service, secrets: names }, vars: { ...service, secrets: asVariables } },
        secrets,
      })
      writeStack(folder.path, leaky, {
        services: {
          crashing: { ...service, entrypoint: ['sh', '-c', loud], restart: 'always', secrets: ['s0', 's1'] },
          hooked: {
            ...service,
            secrets: ['s2'],
            post_start: [{ command: ['sh', '-c', 'cat /run/secrets/s2 >&2; cat /run/secrets/s2; exit 9'] }],
          },
        },
        secrets,
      })
      const missing = await ek(quiet, ['up'])
      show('up before they are set', missing.stderr.split('\n')[0], 'refused', missing.code !== 0)
      for (const stack of [quiet, leaky])
        for (const [index, value] of values.entries())
          await ek(stack, ['secret', 'set', names[index]], { input: value })
      for (const [index, value] of variables.entries())
        await ek(quiet, ['secret', 'set', VARIABLES[index]], { input: value })
      const up = await ek(quiet, ['up'])
      const container = await engineJson(engine, 'GET', `/containers/${quiet}-web-1/json`)
      const read = []
      for (const name of names) read.push(await inContainer(daemon, quiet, name))
      const right = read.filter((text, index) => text === values[index].toString('base64')).length
      show('read by their container', `${right} of ${COUNT}`, `${COUNT}`, up.code === 0 && right === COUNT)
      for (const mount of container.Mounts.filter(({ Destination }) => Destination.startsWith('/run/secrets/')))
        if (mount.RW) show('a mount', mount.Destination, 'read-only', false)

      const given = await givenAsVariables(engine, quiet, variables)
      const warned = up.stderr.split('which the Engine keeps in the clear').length - 1
      show(
        'asked for as variables',
        `${given.set} of ${VARIABLES.length} set, ${warned} warnings`,
        `${VARIABLES.length}, each with a warning`,
        given.set === VARIABLES.length && warned === VARIABLES.length,
      )
      const committed = await ek(quiet, ['commit', 'vars', `ekproof-hunt:${process.pid}`])
      show('a commit of their container', committed.stderr.split('\n')[0], 'refused', committed.code !== 0)
      await ek(leaky, ['up'])
      await until('the crashing service is known to crash', async () =>
        /crash-looping/.test((await ek(leaky, ['ps', '-a'])).stdout + (await ek(leaky, ['ls'])).stdout),
      )
      for (const stack of [quiet, leaky]) for (const args of COMMANDS) await ek(stack, args)
      for (const args of FAILING) {
        const { code } = await ek(quiet, args, { input: values[0] })
        if (code === 0) show(`ek ${args.join(' ')}`, 'exit 0', 'fails', false)
      }
      for (const [index, how] of [
        ['s0', []],
        ['s1', ['--signal', 'SIGHUP']],
      ].entries()) {
        values.push(secretOf(100 + index))
        await ek(quiet, ['secret', 'rotate', how[0], ...how[1]], { input: values.at(-1) })
      }
      const rotated = await inContainer(daemon, quiet, 's0')
      show(
        'rotated in the running container',
        rotated === values[COUNT].toString('base64') ? 'the new value' : 'another',
        'the new value',
        rotated === values[COUNT].toString('base64'),
      )
      const backup = join(folder.path, 'backup.tar')
      await ek(quiet, ['system', 'backup', '-o', backup])
      places.set('a backup', readFileSync(backup))
      places.set('inspect of the container', Buffer.from(JSON.stringify(container)))
      places.set(
        'history of its image',
        Buffer.from(JSON.stringify(await engineJson(engine, 'GET', `/images/${container.Image}/history`))),
      )
      places.set('the daemon’s log', Buffer.from(daemon.log()))
      for (const path of filesIn(daemon.state))
        places.set(`state: ${path.slice(daemon.state.length + 1)}`, readFileSync(path))
      const { cmdline, environ } = watched.stop()
      places.set('arguments of processes', Buffer.from(cmdline, 'latin1'))
      const environments = Buffer.from(environ, 'latin1')
      const found = [...places].flatMap(([place, bytes]) =>
        [...values, ...variables].flatMap((value, index) =>
          formsOf(value)
            .filter((form) => bytes.includes(form))
            .map(() => `secret ${index} in ${place}`),
        ),
      )
      // A container's own processes have its variables in their environment, and no others' have.
      for (const [index, value] of values.entries())
        if (formsOf(value).some((form) => environments.includes(form))) found.push(`secret ${index} in an environment`)
      const inEngine = await filesOfEngine(engine, variables)
      show(
        "those as variables, in the Engine's files",
        inEngine.error ?? inEngine.files.map((file) => file.replace(given.id, 'ID')).join(', '),
        'of their container alone',
        inEngine.error !== undefined ||
          (inEngine.files.length > 0 && inEngine.files.every((file) => file.includes(given.id))),
      )
      show(
        'searched',
        `${places.size} outputs, logs, files and answers for ${values.length + variables.length} values, each in ${formsOf(values[0]).length} forms`,
        '> 80 places',
        places.size > 80,
      )
      show(
        'found',
        found.length === 0 ? 'nowhere' : [...new Set(found)].slice(0, 12).join('; '),
        'nowhere',
        found.length === 0,
      )
      const shown = places.get('output of ek ps -a (leaky)').toString()
      show(
        'what a crash looped with says',
        /\[secret\]/.test(shown) ? 'shown, without the value' : shown.slice(0, 200),
        '[secret]',
        /\[secret\]/.test(shown),
      )
      const key = statSync(join(daemon.state, 'secrets.key')).mode & 0o777
      show('the key file', `mode ${key.toString(8)}`, '600', key === 0o600)
    } finally {
      watched.stop()
      for (const stack of [quiet, leaky]) await ek(stack, ['down', '-t', '0'])
      for (const stack of [quiet, leaky])
        await ek(stack, ['secret', 'rm', ...VARIABLES, ...Array.from({ length: COUNT }, (_, index) => `s${index}`)])
      await daemon.remove()
      folder.remove()
    }
  },
}

const COMMANDS = [
  ...[
    'ps -a',
    'ps --format json',
    'ls',
    'ls --format json',
    'secret ls',
    'secret ls --format json',
    'history',
    'show 1',
    'plan',
  ],
  ...[
    'config',
    'config --format json',
    'config --environment',
    'top',
    'stats --no-stream',
    'images',
    'volumes',
    'dns',
    'info',
  ],
  ...[
    'audit',
    'audit --format json',
    'audit --verify',
    'whoami',
    'events --since 10m --until 0s',
    'version',
    'volume ls',
  ],
  ...[
    'restart web',
    'scale web=2',
    'scale web=1',
    'stop',
    'start',
    'hold',
    'resume',
    'kill -s SIGHUP',
    'exec web true',
  ],
].map((line) => line.split(' '))

const FAILING = [
  ...['secret set ../x', 'secret rotate nowhere', 'secret rm s3', 'secret rm nowhere', 'secret set s0 --file /nowhere'],
  ...[
    '-f /nowhere up',
    'rollback 99',
    'exec web false',
    'exec nowhere true',
    'token create x',
    'secret rotate s0 --signal SIGKILL',
  ],
].map((line) => line.split(' '))

/** Long ones and short ones, with what shells, JSON, URLs and base64 make something of. */
function secretOf(index) {
  const random = randomBytes(12).toString('base64')
  const kinds = [
    `p@ss ${random}"'&%\\`,
    random,
    `${random}\n`,
    `-----BEGIN X-----\n${random}${random}\n-----END X-----\n`,
    `ü${random}$(id)`,
  ]
  return Buffer.from(kinds[index % kinds.length])
}

function formsOf(value) {
  const text = value.toString().trim()
  const core = Buffer.from(text).toString('base64').replace(/=+$/, '').slice(0, -2)
  const [shifted] = [1].map((shift) =>
    Buffer.concat([Buffer.alloc(shift, 97), Buffer.from(text)])
      .toString('base64')
      .slice(2, -6),
  )
  const lines = text.split('\n').filter((line) => line.length >= 16 && !line.includes('-----'))
  return [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
    core,
    shifted,
    Buffer.from(text).toString('hex'),
    ...lines,
  ]
}

function writeStack(folder, name, model) {
  makeFolder(folder, name)
  writeFileSync(join(folder, name, 'compose.yaml'), JSON.stringify({ name, ...model }))
}

function makeFolder(folder, name) {
  mkdirSync(join(folder, name), { recursive: true })
  return name
}

/** In base64, so that what the Engine and we carry of it is no match of what is looked for by accident. */
async function inContainer(daemon, stack, name) {
  const { stdout } = await daemon.ek(['-p', stack, 'exec', '-T', 'web', 'base64', '-w', '0', `/run/secrets/${name}`])
  return stdout.trim()
}

/** Whether the container of `vars` has them, without the end of a last line. */
async function givenAsVariables(engine, stack, variables) {
  const { Id, Config } = await engineJson(engine, 'GET', `/containers/${stack}-vars-1/json`)
  const set = VARIABLES.filter((name, index) =>
    Config.Env.includes(`${name.toUpperCase()}=${variables[index].toString().replace(/\n$/, '')}`),
  )
  return { id: Id, set: set.length }
}

/** Files in which the Engine keeps containers and images, that hold one of the values. */
async function filesOfEngine(engine, values) {
  const { DockerRootDir } = await engineJson(engine, 'GET', '/info')
  const forms = values.flatMap((value) => [
    value.toString().trim(),
    JSON.stringify(value.toString().trim()).slice(1, -1),
  ])
  try {
    const files = ['containers', 'image'].flatMap((name) => [...filesIn(join(DockerRootDir, name))])
    return { files: files.filter((path) => forms.some((form) => readFileSync(path).includes(form))) }
  } catch (error) {
    return { files: [], error: `cannot be read here: ${error.code}` }
  }
}

function* filesIn(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesIn(path)
    else if (entry.isFile()) yield path
  }
}

/** Arguments and environments of all processes while the commands run, as root could read them. */
function watchProcesses() {
  const seen = { cmdline: new Set(), environ: new Set() }
  const look = () => {
    for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      for (const name of ['cmdline', 'environ']) {
        try {
          seen[name].add(readFileSync(`/proc/${id}/${name}`, 'latin1'))
        } catch {
          // It has ended since.
        }
      }
  }
  const timer = setInterval(look, 100)
  return {
    stop() {
      clearInterval(timer)
      return { cmdline: [...seen.cmdline].join('\n'), environ: [...seen.environ].join('\n') }
    },
  }
}
