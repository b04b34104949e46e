// A real sshd in a lab host's network namespace, and an ssh that finds it by the name `far` without a look at anybody's keys.
// The machine is left as it is: where sshd is not installed its package is unpacked beside, and the user that it wants for
// itself is in a passwd that it alone sees.
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { findCommand, run, tryRun } from './commands.mjs'
import { until } from './daemon.mjs'

const PORT = 2222
const PACKAGES = ['openssh-server', 'libwrap0']

/** Resolves with undefined where there is no sshd to be had. `path`: where programs are found over there. */
export async function startSshd({ namespace, address, folder, path }) {
  const found = await findSshd(join(folder, 'package'))
  if (found === undefined || findCommand('ssh') === undefined) return undefined
  const at = (name) => join(folder, name)
  for (const key of ['host', 'user']) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)])
  writeFileSync(at('authorized'), readFileSync(at('user.pub')))
  writeFileSync(
    at('passwd'),
    `${withoutSshd(readFileSync('/etc/passwd', 'utf8'))}sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n`,
  )
  const settings = [
    `Port ${PORT}`,
    `HostKey ${at('host')}`,
    `AuthorizedKeysFile ${at('authorized')}`,
    `PidFile none`,
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'StrictModes no',
    'UsePAM no',
    `SetEnv PATH=${path}`,
  ]
  writeFileSync(at('sshd_config'), `${settings.join('\n')}\n`)
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const inside = 'mount --bind "$1" /etc/passwd && exec "$2" -D -e -f "$3"'
  const words = [
    'netns',
    'exec',
    namespace,
    'unshare',
    '-m',
    'sh',
    '-c',
    inside,
    'sh',
    at('passwd'),
    found.program,
    at('sshd_config'),
  ]
  const child = spawn('ip', words, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...found.environment },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = `${said}${text}`.slice(-4000)
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  await until(
    () => `sshd listens: ${said}`,
    () => answers(address),
    { deadlineMs: 10_000 },
  )
  const known = `[${address}]:${PORT} ${readFileSync(at('host.pub'), 'utf8')}`
  writeFileSync(at('known'), known)
  const client = [
    'Host far',
    `HostName ${address}`,
    `Port ${PORT}`,
    'User root',
    `IdentityFile ${at('user')}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${at('known')}`,
    'StrictHostKeyChecking yes',
  ]
  writeFileSync(at('ssh_config'), `${client.join('\n')}\n`)
  mkdirSync(at('bin'))
  writeFileSync(at('bin/ssh'), `#!/bin/sh\nexec ${findCommand('ssh')} -F ${at('ssh_config')} "$@"\n`)
  chmodSync(at('bin/ssh'), 0o755)
  return {
    /** To stand first in the PATH of who is to reach it. */
    bin: at('bin'),
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function findSshd(folder) {
  const installed = findCommand('sshd') ?? (existsSync('/usr/sbin/sshd') ? '/usr/sbin/sshd' : undefined)
  if (installed !== undefined) return { program: installed, environment: {} }
  mkdirSync(folder, { recursive: true })
  for (const name of PACKAGES) if (!(await tryRun('apt-get', ['download', name], { cwd: folder }))) return undefined
  for (const file of readdirSync(folder))
    if (file.endsWith('.deb')) await run('dpkg', ['-x', join(folder, file), folder])
  const libraries = ['lib', 'usr/lib'].map((name) =>
    join(folder, name, `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`),
  )
  return { program: join(folder, 'usr/sbin/sshd'), environment: { LD_LIBRARY_PATH: libraries.join(':') } }
}

const withoutSshd = (passwd) => passwd.replace(/^sshd:.*\n/m, '')

function answers(address) {
  return new Promise((resolve) => {
    const socket = connect(PORT, address)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
