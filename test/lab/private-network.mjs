// A network namespace for one lab host, joined to the others by a bridge (10.89.77.0/24). Two Engines in one namespace would
// fight over docker0 and the firewall; in one each they do not meet.
import { existsSync, mkdirSync, rmdirSync, statSync } from 'node:fs'
import { findCommand, run, tryRun } from './commands.mjs'

const bridge = 'eklab0'
const subnet = '10.89.77'
const claims = '/run/evenkeel-lab/hosts'

/** Makes the namespace; resolves with the host's address on the bridge. */
export async function createNamespace(namespace) {
  await createBridge()
  const number = claimNumber()
  const cable = `ekv${number}` // interface names end at 15 characters, so the host's name stays out of it
  await run('ip', ['netns', 'add', namespace])
  await run('ip', ['link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace])
  await run('ip', ['link', 'set', cable, 'master', bridge, 'up'])
  const inside = (...args) => run('ip', ['-n', namespace, ...args])
  await inside('addr', 'add', `${subnet}.${number}/24`, 'dev', 'eth0')
  await inside('link', 'set', 'eth0', 'up')
  await inside('link', 'set', 'lo', 'up')
  // Without a default route every look-up of an outside name hangs for minutes; with this one it fails at once.
  await inside('route', 'add', 'unreachable', 'default')
  return `${subnet}.${number}`
}

export async function removeNamespace(namespace) {
  await tryRun('ip', ['netns', 'del', namespace]) // its end of the cable goes with it, and so does ours
}

export function namespaceExists(namespace) {
  return existsSync(`/run/netns/${namespace}`)
}

async function createBridge() {
  if (!existsSync(`/sys/class/net/${bridge}`)) {
    await tryRun('ip', ['link', 'add', bridge, 'type', 'bridge']) // another test process may be first
    await tryRun('ip', ['addr', 'add', `${subnet}.1/24`, 'dev', bridge])
    await run('ip', ['link', 'set', bridge, 'up'])
  }
  // An Engine in the root namespace drops forwarded frames on bridges (br_netfilter), ours included.
  const rule = ['FORWARD', '-i', bridge, '-o', bridge, '-j', 'ACCEPT']
  if (findCommand('iptables') && !(await tryRun('iptables', ['-C', ...rule]))) await tryRun('iptables', ['-I', ...rule])
}

/** Claims a number no other host has; making a folder is atomic between processes. A claim without a cable ends after a minute. */
function claimNumber() {
  mkdirSync(claims, { recursive: true })
  for (let number = 2; number < 250; number++) {
    const claim = `${claims}/${number}`
    if (existsSync(`/sys/class/net/ekv${number}`)) continue
    try {
      if (existsSync(claim) && Date.now() - statSync(claim).mtimeMs > 60_000) rmdirSync(claim)
      mkdirSync(claim)
      return number
    } catch {
      // claimed by another
    }
  }
  throw new Error(`No address is left in ${subnet}.0/24: remove old lab hosts (ip netns list).`)
}
