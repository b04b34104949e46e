// Small or large files that stand for more than they look, and files that never end. Each is written into a folder.
import { execFileSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const MIB = 1024 * 1024
const WEB = 'services: {web: {image: x}}\n'
const times = (count, make) => Array.from({ length: count }, (_, index) => make(index)).join('')
const letters = 'bcdefghi'.split('')

/** A file of that many bytes that takes no room on the disk. */
const sparse = (bytes) => ({ bytes })
const PIPE = 'pipe'

/** `[what, files, 'refused' or 'loaded']`; the stack file is compose.yaml. */
export const BOMBS = [
  ['aliases of aliases, nine to the ninth', { 'compose.yaml': aliases() + WEB }, 'refused'],
  ['merge keys of merge keys', { 'compose.yaml': merges() + WEB }, 'refused'],
  [
    'an alias of 1 MiB, 100 times',
    { 'compose.yaml': `x-a: &a ${'y'.repeat(MIB)}\nx-b: [${times(100, () => '*a, ')}]\n${WEB}` },
    'refused',
  ],
  ['20,000 brackets', { 'compose.yaml': `x-a: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n${WEB}` }, 'refused'],
  ['20,000 braces that stay open', { 'compose.yaml': `x-a: ${'{a: '.repeat(20_000)}` }, 'refused'],
  [
    '3,000 levels of indentation',
    { 'compose.yaml': `x-a:\n${times(3000, (level) => `${' '.repeat(level + 1)}k:\n`)}${WEB}` },
    'refused',
  ],
  ['100,000 dashes on a line', { 'compose.yaml': `x-a:\n  ${'- '.repeat(100_000)}a\n${WEB}` }, 'refused'],
  ['a million values in brackets', { 'compose.yaml': `x-a: [${'a,'.repeat(1_000_000)}]\n${WEB}` }, 'refused'],
  ['a million keys', { 'compose.yaml': `x-a:\n${times(1_000_000, (key) => ` k${key}:\n`)}${WEB}` }, 'refused'],
  ['99,000 values', { 'compose.yaml': `x-a: [${'a,'.repeat(99_000)}]\n${WEB}` }, 'loaded'],
  [
    '45,000 keys with values',
    { 'compose.yaml': `x-a:\n${times(45_000, (key) => ` k${key}: value ${key}\n`)}${WEB}` },
    'loaded',
  ],
  [
    '3,000 services',
    { 'compose.yaml': `services:\n${times(3_000, (at) => `  s${at}: {image: x, network_mode: none}\n`)}` },
    'loaded',
  ],
  ['20,000 services', { 'compose.yaml': `services:\n${times(20_000, (at) => `  s${at}: {image: x}\n`)}` }, 'refused'],
  ['9 MiB of text', { 'compose.yaml': `x-a: |\n${`  ${'y'.repeat(98)}\n`.repeat(92_000)}${WEB}` }, 'loaded'],
  ['11 MiB of text', { 'compose.yaml': `x-a: |\n${`  ${'y'.repeat(98)}\n`.repeat(115_000)}${WEB}` }, 'refused'],
  ['10 MiB of comments', { 'compose.yaml': `${`# ${'y'.repeat(97)}\n`.repeat(103_000)}${WEB}` }, 'loaded'],
  ['10 MiB on a line in quotes', { 'compose.yaml': `x-a: "${'\\n'.repeat(5_000_000)}"\n${WEB}` }, 'loaded'],
  ['10 MiB of documents', { 'compose.yaml': `${WEB}${'---\na: b\n'.repeat(1_100_000)}` }, 'refused'],
  ['a stack file of 1 GiB', { 'compose.yaml': sparse(1024 * MIB) }, 'refused'],
  [
    'an env_file of 1 GiB',
    { 'compose.yaml': 'services: {web: {image: x, env_file: a.env}}\n', 'a.env': sparse(1024 * MIB) },
    'refused',
  ],
  [
    'a label_file of 1 GiB',
    { 'compose.yaml': 'services: {web: {image: x, label_file: a.env}}\n', 'a.env': sparse(1024 * MIB) },
    'refused',
  ],
  ['an included file of 1 GiB', { 'compose.yaml': 'include: [a.yaml]\n', 'a.yaml': sparse(1024 * MIB) }, 'refused'],
  [
    'an extended file of 1 GiB',
    { 'compose.yaml': 'services: {web: {extends: {file: a.yaml, service: a}}}\n', 'a.yaml': sparse(1024 * MIB) },
    'refused',
  ],
  ['a .env of 1 GiB', { 'compose.yaml': WEB, '.env': sparse(1024 * MIB) }, 'refused'],
  ['/dev/zero as env_file', { 'compose.yaml': 'services: {web: {image: x, env_file: /dev/zero}}\n' }, 'refused'],
  ['/dev/zero included', { 'compose.yaml': 'include: [/dev/zero]\n' }, 'refused'],
  ['/dev/null as env_file', { 'compose.yaml': 'services: {web: {image: x, env_file: /dev/null}}\n' }, 'loaded'],
  ['a pipe that nobody writes to, as stack file', { 'compose.yaml': PIPE }, 'refused'],
  [
    'a pipe that nobody writes to, as env_file',
    { 'compose.yaml': 'services: {web: {image: x, env_file: a.env}}\n', 'a.env': PIPE },
    'loaded',
  ],
  ['variables of variables', { 'compose.yaml': 'services: {web: {image: "$V9"}}\n', '.env': variables() }, 'refused'],
  ['300,000 variables on a line', { 'compose.yaml': `x-a: "${'${A:-b}'.repeat(300_000)}"\n${WEB}` }, 'loaded'],
  ['a million open braces', { 'compose.yaml': `x-a: "${'${A:-'.repeat(1_000_000)}"\n${WEB}` }, 'refused'],
  [
    'defaults in defaults, 20,000 deep',
    { 'compose.yaml': `x-a: "${'${A:-'.repeat(20_000)}${'}'.repeat(20_000)}"\n${WEB}` },
    'refused',
  ],
  [
    'an env_file of two million names',
    {
      'compose.yaml': 'services: {web: {image: x, env_file: a.env}}\n',
      'a.env': times(1_000_000, (at) => `A${at}=\n`),
    },
    'refused',
  ],
  [
    'an env_file of 1 MiB for 1,000 services',
    {
      'compose.yaml': `services:\n${times(1000, (at) => `  s${at}: {image: x, env_file: a.env}\n`)}`,
      'a.env': `A=${'y'.repeat(MIB)}\n`,
    },
    'refused',
  ],
  [
    '20 ranges of 32,000 ports',
    { 'compose.yaml': `services:\n${times(20, (at) => `  s${at}: {image: x, ports: ["1-32000:1-32000"]}\n`)}` },
    'refused',
  ],
  ['10,000 ports', { 'compose.yaml': 'services: {web: {image: x, ports: ["10000-19999:10000-19999"]}}\n' }, 'loaded'],
  [
    '2,900 services that extend one of 5,000 labels',
    {
      'compose.yaml': `services:\n  base: {image: x, labels: [${times(5000, (at) => `l${at}=v,`)}]}\n${times(2900, (at) => `  s${at}: {extends: base}\n`)}`,
    },
    'refused',
  ],
  [
    'a chain of 2,900 extends',
    { 'compose.yaml': `services:\n${times(2900, (at) => `  s${at}: {extends: s${at + 1}}\n`)}  s2900: {image: x}\n` },
    'refused',
  ],
  [
    'a chain of 3,000 dependencies',
    {
      'compose.yaml': `services:\n${times(3000, (at) => `  s${at}: {image: x, network_mode: none${at === 0 ? '' : `, depends_on: [s${at - 1}]`}}\n`)}`,
    },
    'loaded',
  ],
  ['a file that includes itself', { 'compose.yaml': 'include: [compose.yaml]\n' }, 'refused'],
  ['a chain of 500 includes', { 'compose.yaml': 'include: [f0.yaml]\n', ...includes(500) }, 'refused'],
  ['a number of a million digits', { 'compose.yaml': `x-a: ${'9'.repeat(1_000_000)}\n${WEB}` }, 'loaded'],
  [
    'a size of a million digits and a letter',
    { 'compose.yaml': `services: {web: {image: x, mem_limit: "${'9'.repeat(1_000_000)}x"}}\n` },
    'refused',
  ],
  [
    'a duration of a million digits',
    { 'compose.yaml': `services: {web: {image: x, stop_grace_period: "${'9'.repeat(1_000_000)}"}}\n` },
    'refused',
  ],
  [
    '50,000 unknown keys',
    { 'compose.yaml': `services:\n  web:\n    image: x\n${times(50_000, (at) => `    imag${at}: x\n`)}` },
    'refused',
  ],
  [
    '20,000 dependencies that are not there',
    {
      'compose.yaml': `services:\n  web:\n    image: x\n    depends_on: [${times(20_000, (at) => `service-of-this-name-${at},`)}]\n${times(2_900, (at) => `  other-service-of-name-${at}: {image: x}\n`)}`,
    },
    'refused',
  ],
  ['300 pools merged onto 300', { 'compose.yaml': pools(), 'compose.override.yaml': pools() }, 'refused'],
  [
    '6 MiB in one command',
    { 'compose.yaml': `services: {web: {image: x, command: "${'a '.repeat(3_000_000)}"}}\n` },
    'refused',
  ],
]

function aliases() {
  return `x-a: &a [x,x,x,x,x,x,x,x,x]\n${letters.map((letter, at) => `x-${letter}: &${letter} [${Array(9).fill(`*${'abcdefgh'[at]}`)}]\n`).join('')}`
}

function merges() {
  const level = (at) => `x-${at + 1}: &m${at + 1} {${times(10, (key) => `k${key}: {<<: *m${at}}, `)}}\n`
  return `x-0: &m0 {k: v}\n${times(12, level)}`
}

function variables() {
  return times(10, (at) => (at === 0 ? `V0=${'x'.repeat(100)}\n` : `V${at}=${`\${V${at - 1}}`.repeat(10)}\n`))
}

function includes(count) {
  const files = Array.from({ length: count }, (_, at) => [`f${at}.yaml`, `include: [f${at + 1}.yaml]\n`])
  return { ...Object.fromEntries(files), [`f${count}.yaml`]: WEB }
}

function pools() {
  const pool = (at) => `{subnet: 10.${Math.floor(at / 250)}.${at % 250}.0/24}, `
  return `${WEB}networks: {n: {ipam: {config: [${times(300, pool)}]}}}\n`
}

export function writeBomb(folder, files) {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    if (content === PIPE) execFileSync('mkfifo', [path])
    else if (typeof content === 'string') writeFileSync(path, content)
    else {
      const file = openSync(path, 'w')
      ftruncateSync(file, content.bytes)
      closeSync(file)
    }
  }
}
