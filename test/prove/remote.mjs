import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startCutProxy } from '../lab/cut-proxy.mjs'
import { projectFolder, runProgram, temporaryFolder } from '../lab/daemon.mjs'
import { startHttpsDaemon, tokenFor } from '../lab/https-daemon.mjs'
import { createNamespace, removeNamespace } from '../lab/private-network.mjs'
import { startSshd } from '../lab/sshd.mjs'
import { runOnTerminal } from '../lab/terminal.mjs'

const programs = join(projectFolder, 'dist/bin')
const BYTES = 5 * 1024 * 1024

export const remote = {
  name: 'remote',
  shows:
    'over https and over ssh (a real sshd) to a daemon in another network namespace: up with build, bound files, env file, config and secret, logs -f, exec on a terminal, cp; cut connections go on',
  async run({ engine, show, note }) {
    if (process.getuid() !== 0) {
      note('network namespaces need root')
      return
    }
    const namespace = `ekremote-${process.pid}`
    const folder = temporaryFolder('remote')
    const address = await createNamespace(namespace)
    let daemon
    let sshd
    let proxy
    try {
      daemon = await startHttpsDaemon(engine, 'remote', {
        host: address,
        names: ['127.0.0.1'],
        before: ['ip', 'netns', 'exec', namespace],
      })
      const token = await tokenFor(daemon, 'afar', '--role', 'power-user')
      const environment = {
        ...process.env,
        XDG_CONFIG_HOME: join(folder.path, 'config'),
        XDG_RUNTIME_DIR: folder.path,
        XDG_CACHE_HOME: join(folder.path, 'cache'),
        NO_COLOR: '1',
      }
      for (const name of ['EVENKEEL_HOST', 'EVENKEEL_SOCKET', 'EVENKEEL_TOKEN', 'EVENKEEL_CONTEXT'])
        delete environment[name]
      const add = [
        'context',
        'add',
        'prod',
        '--host',
        `https://${address}:${daemon.port}`,
        '--ca',
        daemon.authority,
        '--token-stdin',
        '--use',
      ]
      const added = await runProgram(join(programs, 'ek'), add, { env: environment, input: token })
      show('context add', added.stdout.trim() || added.stderr, 'prod', added.code === 0)
      await tour('https', `ekproof-https-${process.pid}`, environment, folder, show)
      proxy = await startCutProxy({ host: address, port: daemon.port })
      const cut = {
        ...environment,
        EVENKEEL_HOST: proxy.url,
        EVENKEEL_TLS_CA: daemon.authority,
        EVENKEEL_TOKEN: token,
      }
      await whenCut(`ekproof-cut-${process.pid}`, cut, folder, proxy, show)

      sshd = await startSshd({
        namespace,
        address,
        folder: folder.path,
        path: `${programs}:${dirname(process.execPath)}:/usr/bin:/bin`,
      })
      if (sshd === undefined) {
        note('no sshd is to be had here: ssh was not tried')
        return
      }
      const overSsh = {
        ...environment,
        PATH: `${sshd.bin}:${process.env.PATH}`,
        EVENKEEL_HOST: `ssh://root@far${daemon.socket}`,
      }
      await tour('ssh', `ekproof-ssh-${process.pid}`, overSsh, folder, show)
      const nobody = await runProgram(join(programs, 'ek'), ['version'], {
        env: { ...overSsh, EVENKEEL_HOST: 'ssh://root@far/nowhere.sock' },
      })
      show(
        'ssh to a socket that is not there',
        nobody.stdout.trim().split('\n').at(-1),
        'told',
        /does not answer/.test(nobody.stdout),
      )
      const unknown = await runProgram(join(programs, 'ek'), ['ls'], {
        env: { ...overSsh, EVENKEEL_HOST: 'ssh://root@nowhere.invalid' },
      })
      show(
        'ssh to a host that is not there',
        unknown.stderr.split('\n')[0],
        'ssh’s own words, exit 16',
        unknown.code === 16,
      )
    } finally {
      await runProgram('ssh', ['-o', `ControlPath=${folder.path}/evenkeel-ssh-0/%C`, '-O', 'exit', 'far'], {
        env: { ...process.env, PATH: `${folder.path}/bin:${process.env.PATH}` },
      })
      proxy?.stop()
      await sshd?.stop()
      await daemon?.remove()
      await removeNamespace(namespace)
      folder.remove()
    }
  },
}

async function tour(way, stack, env, folder, show) {
  const cwd = join(folder.path, stack)

  mkdirSync(cwd)
  writeFileSync(join(cwd, 'Dockerfile'), 'FROM ek-lab/chatty:1\nCOPY message.txt /message.txt\n')
  writeFileSync(join(cwd, 'message.txt'), `sent over ${way}\n`)
  mkdirSync(join(cwd, 'conf/deep'), { recursive: true })
  writeFileSync(join(cwd, 'conf/deep/run.sh'), '#!/bin/sh\n', { mode: 0o751 })
  writeFileSync(join(cwd, 'conf/app.conf'), `bound over ${way}\n`)
  writeFileSync(join(cwd, 'single.conf'), 'a single file\n')
  writeFileSync(join(cwd, 'app.env'), 'FROM_FILE=of-the-env-file\n')
  for (const name of ['config', 'secret']) writeFileSync(join(cwd, name), `the ${name}\n`)
  const service = {
    build: '.',
    env_file: 'app.env',
    environment: { LINES: 0, RATE: 5 },
    stop_grace_period: '0s',
    volumes: ['./conf:/conf', './single.conf:/single.conf:ro'],
    configs: ['config'],
    secrets: ['secret'],
  }
  const model = { name: stack, services: { web: service } }
  for (const kind of ['config', 'secret']) model[`${kind}s`] = { [kind]: { file: `./${kind}` } }
  writeFileSync(join(cwd, 'compose.yaml'), JSON.stringify(model))
  const ek = (args, more = {}) => runProgram(join(programs, 'ek'), args, { cwd, env, timeoutMs: 60_000, ...more })
  try {
    const first = await ek(['whoami'])
    show(
      `${way}: whoami`,
      `${first.stdout.split('\n')[0] || first.stderr} (${first.ms.toFixed(0)} ms)`,
      'let in',
      first.code === 0,
    )
    const again = await ek(['whoami'])
    show(`${way}: once more`, `${again.ms.toFixed(0)} ms`, 'let in', again.code === 0)
    const up = await ek(['up', '-d'])
    show(
      `${way}: up with build`,
      up.code === 0 ? `${up.ms.toFixed(0)} ms` : up.stderr.slice(-300),
      'exit 0',
      up.code === 0,
    )
    const sent = await ek(['exec', '-T', 'web', 'cat', '/message.txt'])
    show(
      `${way}: what was built is what was sent`,
      sent.stdout.trim() || sent.stderr,
      `sent over ${way}`,
      sent.stdout === `sent over ${way}\n`,
    )
    const read =
      'cat /conf/app.conf /single.conf /config /run/secrets/secret; echo $FROM_FILE; stat -c %a /conf/deep/run.sh'
    const seen = await ek(['exec', '-T', 'web', 'sh', '-c', read])
    const expected = `bound over ${way}\na single file\nthe config\nthe secret\nof-the-env-file\n751\n`
    show(
      `${way}: bound folder and file, config, secret, env file`,
      seen.stdout.trim().replaceAll('\n', ', ') || seen.stderr,
      'as they are here',
      seen.stdout === expected,
    )
    const written = await ek(['exec', '-T', 'web', 'sh', '-c', 'echo x > /conf/app.conf'])
    show(`${way}: what is sent is read-only there`, written.stderr.trim().slice(-60), 'refused', written.code !== 0)
    const unchanged = await ek(['up', '-d'])
    writeFileSync(join(cwd, 'conf/app.conf'), 'changed\n')
    const changed = await ek(['up', '-d'])
    const now = await ek(['exec', '-T', 'web', 'cat', '/conf/app.conf'])
    show(
      `${way}: the same again changes nothing, a changed file makes the container anew`,
      `${/Recreate/.test(unchanged.stderr) ? 'recreated' : 'as it was'}; ${now.stdout.trim() || changed.stderr.slice(-200)}`,
      'as it was; changed',
      !/Recreate/.test(unchanged.stderr) && /Recreated/.test(changed.stderr) && now.stdout === 'changed\n',
    )
    const follow = runOnTerminal(join(programs, 'ek'), ['logs', '-f', 'web'], { cwd, env })
    await follow.shows(/(web-1.*\r?\n){10}/)
    follow.type('\u0003')
    show(`${way}: logs -f`, `10 lines live, then Ctrl-C: exit ${await follow.ended}`, '10 lines', true)
    const shell = runOnTerminal(join(programs, 'ek'), ['exec', 'web', 'sh'], { cwd, env })
    shell.type('test -t 0 && echo terminal-$((40 + 2)); exit 7\n')
    await shell.shows(/terminal-42/)
    const code = await shell.ended
    show(`${way}: exec on a terminal`, `input is a terminal there, exit ${code}`, 'a terminal, exit 7', code === 7)
    const bytes = randomBytes(BYTES)
    writeFileSync(join(cwd, 'there'), bytes)
    const there = await ek(['cp', 'there', 'web:/tmp/data'])
    const back = await ek(['cp', 'web:/tmp/data', 'back'])
    const same = back.code === 0 && sha256(readFileSync(join(cwd, 'back'))) === sha256(bytes)
    show(
      `${way}: cp there and back`,
      same ? `5 MiB, the same (${there.ms.toFixed(0)} and ${back.ms.toFixed(0)} ms)` : there.stderr + back.stderr,
      'the same',
      same,
    )
    const piped = await ek(['exec', '-T', 'web', 'sha256sum'], { input: bytes })
    show(
      `${way}: exec of a pipe`,
      piped.stdout.slice(0, 16) || piped.stderr,
      'the checksum',
      piped.stdout.startsWith(sha256(bytes)),
    )
  } finally {
    const down = await ek(['down'])
    show(`${way}: down`, `exit ${down.code}`, 'exit 0', down.code === 0)
  }
}

const SENT = 24 * 1024 * 1024

/** A connection that is cut in the middle of an upload, and one that is cut under a follower. */
async function whenCut(stack, env, folder, proxy, show) {
  const cwd = join(folder.path, stack)
  mkdirSync(join(cwd, 'data'), { recursive: true })
  const bytes = randomBytes(SENT)
  writeFileSync(join(cwd, 'data/large'), bytes)
  const service = {
    image: 'ek-lab/chatty:1',
    environment: { LINES: 0, RATE: 20, STDERR_EVERY: 0 },
    volumes: ['./data:/data'],
    stop_grace_period: '0s',
  }
  writeFileSync(join(cwd, 'compose.yaml'), JSON.stringify({ name: stack, services: { web: service } }))
  const ek = (args) => runProgram(join(programs, 'ek'), args, { cwd, env, timeoutMs: 120_000 })
  try {
    proxy.cutAfter(SENT / 2)
    const up = await ek(['up', '-d'])
    const sum = await ek(['exec', '-T', 'web', 'sha256sum', '/data/large'])
    const extra = (proxy.carried() - SENT) / 1024 ** 2
    show(
      'cut: an upload of 24 MiB, cut in the middle',
      up.code === 0
        ? `${proxy.cuts()} cut, arrived whole, ${extra.toFixed(1)} MiB more than its bytes`
        : up.stderr.slice(-300),
      'whole, < 6 MiB more',
      up.code === 0 && proxy.cuts() === 1 && sum.stdout.startsWith(sha256(bytes)) && extra < 6,
    )
    const before = proxy.carried()
    const again = await ek(['up', '-d', '--force-recreate'])
    const carried = (proxy.carried() - before) / 1024
    show('cut: once more', `${carried.toFixed(0)} KiB sent`, '< 1 MiB', again.code === 0 && carried < 1024)
    const follow = runOnTerminal(join(programs, 'ek'), ['logs', '-f', '--no-log-prefix', 'web'], { cwd, env })
    await follow.shows(/stdout 0000000010/)
    proxy.cut()
    await follow.shows(/stdout 0000000060/)
    follow.type('\u0003')
    await follow.ended
    const numbers = [...follow.output.matchAll(/stdout (\d{10})/g)].map(([, number]) => Number(number))
    const isWhole = numbers.every((number, index) => number === index + 1)
    show(
      'cut: logs -f, cut under way',
      `${numbers.length} lines, ${isWhole ? 'each once, none missing' : `not in order: ${numbers.slice(0, 80)}`}`,
      'goes on, each line once',
      numbers.length >= 60 && isWhole,
    )
  } finally {
    const down = await ek(['down'])
    show('cut: down', `exit ${down.code}`, 'exit 0', down.code === 0)
  }
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
