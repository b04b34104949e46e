// Has an Engine be in the loop of moby#48912, which it otherwise comes into by a race that nobody can wait for.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { findCommand } from './commands.mjs'
import { engineJson } from './engine-call.mjs'

/** Tells dockerd, through its containerd, of an end of the container's process (137), which runs. Needs root. */
export async function startEngineLoop(address, container) {
  const [{ Id, State }, info] = await Promise.all([
    engineJson(address, 'GET', `/containers/${container}/json`),
    engineJson(address, 'GET', '/info'),
  ])
  const exit = message([1, Id], [2, Id], [3, State.Pid], [4, 137], [5, message([1, Math.floor(Date.now() / 1000)])])
  const event = message([1, 'containerd.events.TaskExit'], [2, exit])
  const options = ['--address', containerdOf(info), 'publish', '--topic', '/tasks/exit', '--namespace', 'moby']
  execFileSync(findCommand('containerd'), options, { input: event })
}

/** Whether that can be had of this Engine: 20.10 is in no such loop, and does not say where its containerd is. */
export async function canStartEngineLoop(address) {
  if (!address.startsWith('unix:') || process.getuid?.() !== 0 || !findCommand('containerd')) return false
  return existsSync(containerdOf(await engineJson(address, 'GET', '/info')) ?? '')
}

/** Ids of the processes of a container on this machine, by the kernel's word: the Engine may know of fewer. */
export function processesOf(container) {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cgroup`, 'utf8').includes(container)
    } catch {
      // It has ended meanwhile.
      return false
    }
  })
}

const containerdOf = ({ Containerd }) => Containerd?.Address

/** A Protocol Buffers message of these fields: numbers, strings, and messages as bytes. */
function message(...fields) {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'number') return [varint(number << 3), varint(value)]
      const bytes = Buffer.from(value)
      return [varint((number << 3) | 2), varint(bytes.length), bytes]
    }),
  )
}

function varint(value) {
  const bytes = []
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left])
    bytes.push((left % 128) | 128)
  }
}
