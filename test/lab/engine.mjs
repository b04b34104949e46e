// The Engine that the quickstart and the tests run on: the one that answers, or one installed and started here.
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { canInstallPackages, installPackages } from './apt.mjs'
import { prepareCgroups } from './cgroups.mjs'
import { findCommand, run } from './commands.mjs'
import { endDockerd, spawnDockerd, untilItAnswers } from './dockerd.mjs'
import { whyNoAnswer } from './engine-call.mjs'

export { privateEngine } from './private-engine.mjs'

const systemSocket = 'unix:///var/run/docker.sock'
const engineLog = '/var/log/evenkeel-dockerd.log'
const silent = () => {}
/** How often to start it where the one before is still ending, a second apart. */
const ENDING_TRIES = 10

/** Where an Engine may be, in the order of search. A DOCKER_HOST that is set is meant: nothing else is tried then. */
export function engineCandidates(env = process.env) {
  if (env.DOCKER_HOST) return [env.DOCKER_HOST]
  const user = process.getuid?.()
  return [systemSocket, ...(user ? [`unix:///run/user/${user}/docker.sock`] : [])]
}

/** The address (`unix:///path` or `tcp://...`) of an Engine that answers GET /_ping; undefined where none does. */
export async function findEngine({ env = process.env } = {}) {
  for (const candidate of engineCandidates(env)) if (!(await whyNoAnswer(candidate))) return candidate
  return undefined
}

/** Installs Debian's or Ubuntu's own Engine, with what the lab needs beside it. As root. */
export async function installEngine({ log = silent } = {}) {
  if (!canInstallPackages()) throw new Error('An Engine is installed from here only as root on Debian or Ubuntu.')
  const packages = ['docker.io', 'iptables']
  if (!findCommand('busybox')) packages.push('busybox-static')
  if (!findCommand('ip')) packages.push('iproute2')
  await installPackages(packages, { log })
}

/** Starts the installed Engine where none answers; resolves with its address. As root; it outlives this process. */
export async function startEngine({ log = silent } = {}) {
  const running = await findEngine({ env: {} })
  if (running) return running
  if (process.getuid?.() !== 0) throw new Error('Only root can start the Engine.')
  const dockerd = findCommand('dockerd')
  if (!dockerd) throw new Error('There is no dockerd on this machine.')
  if (existsSync('/run/systemd/system')) {
    log('starting the Engine: systemctl start docker')
    await run('systemctl', ['start', 'docker'], { timeoutMs: 120_000 })
    await untilItAnswers(systemSocket, {})
    return systemSocket
  }
  await prepareCgroups({ log })
  let problem
  for (const way of waysToStart()) {
    log(`starting the Engine${way.title}; its log is ${engineLog}`)
    problem = await whyNotStarted(dockerd, way)
    if (problem === undefined) return systemSocket
    if (!/iptables|nftables|NAT chain|ip_tables/i.test(problem.message)) break // the other ways change only the firewall
  }
  throw problem
}

/** Undefined once it answers. One that has just been killed is still ending: its process file is in the way for a moment. */
async function whyNotStarted(dockerd, { args, env }) {
  for (let tries = 1; ; tries += 1) {
    const daemon = spawnDockerd({ command: dockerd, args, env, logPath: engineLog })
    try {
      await untilItAnswers(systemSocket, { daemon })
      return undefined
    } catch (error) {
      await endDockerd(daemon, 'SIGTERM')
      const last = error.message.trimEnd().split('\n').at(-1)
      if (tries === ENDING_TRIES || !/pid file found/.test(last)) return error
      await delay(1000)
    }
  }
}

/** An Engine that answers, made if need be: found, else (as root on Debian or Ubuntu) installed and started. */
export async function ensureEngine({ log = silent } = {}) {
  const found = await findEngine()
  if (found) return found
  if (process.env.DOCKER_HOST || !canStartEngine()) throw new Error(await whatToDo())
  if (!findCommand('dockerd')) await installEngine({ log })
  return startEngine({ log })
}

function canStartEngine() {
  return process.getuid?.() === 0 && (findCommand('dockerd') !== undefined || canInstallPackages())
}

/** The plain way; with the older firewall interface, where the kernel has no nf_tables; without a firewall, where it has neither. */
function* waysToStart() {
  yield { title: '', args: [], env: {} }
  const legacy = findCommand('iptables-legacy')
  if (legacy) {
    const folder = '/run/evenkeel-lab/iptables-legacy'
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    symlinkSync(legacy, `${folder}/iptables`)
    symlinkSync(findCommand('ip6tables-legacy') ?? legacy, `${folder}/ip6tables`)
    yield { title: ' with iptables-legacy', args: [], env: { PATH: `${folder}:${process.env.PATH}` } }
  }
  yield { title: ' without iptables', args: ['--iptables=false', '--ip6tables=false'], env: {} }
}

async function whatToDo() {
  const tried = []
  for (const candidate of engineCandidates()) {
    const why = await whyNoAnswer(candidate)
    const denied = why?.code === 'EACCES' ? ' (you may not open it: join its group, often `docker`, or use sudo)' : ''
    tried.push(`  ${candidate}: ${why?.code ?? why?.message ?? 'answers now'}${denied}`)
  }
  return [
    'No Docker Engine answers:',
    ...tried,
    process.env.DOCKER_HOST
      ? 'Start the Engine that DOCKER_HOST names, or unset DOCKER_HOST.'
      : 'Start one (systemctl start docker), install one (https://docs.docker.com/engine/install/), set DOCKER_HOST to one, or run this as root on Debian or Ubuntu, where it installs and starts one.',
  ].join('\n')
}
