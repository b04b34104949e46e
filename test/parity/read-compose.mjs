// Reads the flags of every command of the Docker Compose on this machine out of its help, and prints them as JSON:
//   node test/parity/read-compose.mjs > test/parity/compose-flags.json
import { execFileSync } from 'node:child_process'

const compose = (...args) => execFileSync('docker', ['compose', ...args], { encoding: 'utf8' })

function flagsOf(help) {
  const flags = []
  for (const line of help.split('\n')) {
    const found = /^ {2,6}(?:-(?<letter>\w), )?--(?<name>[\w-]+)(?: (?<value>\w+))?(?: {2,}|$)/.exec(line)
    if (found === null) continue
    const { letter, name, value } = found.groups
    flags.push({ name, ...(letter ? { letter } : {}), ...(value ? { value } : {}) })
  }
  return flags
}

const help = compose('--help')
const sections = help.slice(help.indexOf('Management Commands:'))
const names = [...sections.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name)
const global = flagsOf(help)
const commands = Object.fromEntries(
  names.sort().map((name) => [
    name,
    // Every command repeats this one of the program's own.
    flagsOf(compose(name, '--help')).filter((flag) => flag.name !== 'dry-run'),
  ]),
)
const version = compose('version', '--short').trim().split('-')[0]
process.stdout.write(`${JSON.stringify({ version, global, commands }, undefined, 2)}\n`)
