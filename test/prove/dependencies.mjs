import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder } from '../lab/daemon.mjs'

/** Ask for no more than their name. */
const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
  'WTFPL',
])
/** Ask for changes of their own files. Taken for tools that are part of no release. */
const FOR_TOOLS = new Set(['MPL-2.0'])
const SOURCES = ['daemon', 'client', 'protocol', 'test', 'esbuild.config.mjs', 'vitest.config.ts']
/** Used by name, not by import. */
const COMMANDS = new Set(['@biomejs/biome', 'dependency-cruiser', 'typescript', 'vitest', 'esbuild'])

export const dependencies = {
  name: 'dependencies',
  shows:
    'what comes from others: how many packages, their licences, known holes (npm audit), and none that nobody uses',
  needsEngine: false,
  async run({ show, note }) {
    const { packages } = JSON.parse(readFileSync(join(projectFolder, 'package-lock.json'), 'utf8'))
    const manifest = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8'))
    const all = Object.entries(packages)
      .filter(([path]) => path !== '')
      .map(([path, entry]) => ({
        name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
        isTool: entry.dev === true,
        licence: entry.license ?? licenceThere(path),
        isPinned: typeof entry.integrity === 'string',
        ...entry,
      }))
    const shipped = all.filter(({ isTool }) => !isTool)
    const direct = (list) => Object.keys(list ?? {}).length
    show(
      'packages',
      `${shipped.length} for what is released (${direct(manifest.dependencies)} asked for), ${all.length - shipped.length} for tools (${direct(manifest.devDependencies)} asked for)`,
      'counted',
      shipped.length > 0,
    )
    const bad = all.filter(({ licence, isTool }) => !isAllowed(licence, isTool))
    for (const [what, list] of [
      ['released', shipped],
      ['tools', all.filter(({ isTool }) => isTool)],
    ])
      note(`licences, ${what}: ${counted(list.map(({ licence }) => licence ?? 'unknown'))}`)
    show(
      'licences that are unknown or copyleft',
      bad.length === 0 ? 'none' : bad.map(({ name, licence }) => `${name} (${licence ?? 'unknown'})`).join(', '),
      'none; MPL-2.0 for tools alone',
      bad.length === 0,
    )
    const loose = all.filter(({ isPinned }) => !isPinned).map(({ name }) => name)
    show('packages without a digest in package-lock.json', loose.join(', ') || 'none', 'none', loose.length === 0)
    const scripted = all.filter(({ hasInstallScript }) => hasInstallScript === true).map(({ name }) => name)
    const unexpected = scripted.filter((name) => manifest.allowScripts?.[name] !== true && name !== 'fsevents')
    show(
      'packages that run something when installed',
      scripted.join(', ') || 'none',
      'those of allowScripts',
      unexpected.length === 0,
    )
    const unused = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      (name) => !isUsed(name),
    )
    note(unused.length === 0 ? 'each that is asked for is used' : `asked for, and used nowhere: ${unused.join(', ')}`)
    await audit(show, note)
  },
}

/** An expression of alternatives is as good as the best of them. */
function isAllowed(licence, isTool) {
  if (licence === undefined) return false
  return licence
    .replace(/^\(|\)$/g, '')
    .split(' OR ')
    .some((one) => one.split(' AND ').every((name) => PERMISSIVE.has(name) || (isTool && FOR_TOOLS.has(name))))
}

/** Older packages say it in their own file alone. */
function licenceThere(path) {
  try {
    const { license } = JSON.parse(readFileSync(join(projectFolder, path, 'package.json'), 'utf8'))
    return typeof license === 'string' ? license : license?.type
  } catch {
    return undefined
  }
}

function counted(names) {
  const counts = new Map()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts]
    .sort((one, other) => other[1] - one[1])
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}

let sources
function isUsed(name) {
  if (COMMANDS.has(name)) return true
  sources ??= SOURCES.flatMap((path) => [...textsBelow(join(projectFolder, path))])
  const of = name.startsWith('@types/') ? name.slice('@types/'.length) : name
  const pattern = new RegExp(
    `['"]${(of === 'node' ? 'node:' : of).replaceAll('.', '\\.')}(['"/]${of === 'node' ? '|[a-z]' : ''})`,
  )
  return sources.some((text) => pattern.test(text))
}

function* textsBelow(path) {
  if (/\.(ts|mjs|cjs)$/.test(path)) {
    yield readFileSync(path, 'utf8')
    return
  }
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory() || /\.(ts|mjs|cjs)$/.test(entry.name)) yield* textsBelow(join(path, entry.name))
}

/** The registry's own answer, where it has one. */
async function audit(show, note) {
  const answer = await new Promise((resolve) =>
    execFile(
      'npm',
      ['audit', '--json'],
      { cwd: projectFolder, maxBuffer: 64 * 1024 ** 2, timeout: 120_000 },
      (_, stdout) => {
        try {
          resolve(JSON.parse(stdout))
        } catch {
          resolve({ message: 'no answer' })
        }
      },
    ),
  )
  if (answer.metadata?.vulnerabilities === undefined) {
    note(
      `npm audit: the registry here has no answer (${answer.message ?? answer.error?.summary ?? 'nothing'}); to be run where it has`,
    )
    return
  }
  const { total, ...levels } = answer.metadata.vulnerabilities
  for (const [name, { severity, via }] of Object.entries(answer.vulnerabilities ?? {}))
    note(`${name} (${severity}): ${via.map((one) => one.title ?? one).join('; ')}`)
  show('npm audit', `${total} findings ${JSON.stringify(levels)}`, '0', total === 0)
}
