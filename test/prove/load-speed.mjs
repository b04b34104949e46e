import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { projectFolder, runProgram, temporaryFolder } from '../lab/daemon.mjs'
import { interleaved, median, spreadOf } from './statistics.mjs'
import { hasCompose } from './times.mjs'

const SERVICES = 300
const BOUND_MS = 60
const WARM_ROUNDS = 60
const ROUNDS = 15

/** The shape of the corpus' largest file: a chain of 300 services in seven networks. */
function stack() {
  const services = Array.from({ length: SERVICES }, (_, at) => {
    const on = at === 0 ? '[]' : `[s${at - 1}]`
    return `  s${at}: {image: "img:${at}", depends_on: ${on}, networks: [n${at % 7}]}\n`
  })
  return `services:\n${services.join('')}networks: {${Array.from({ length: 7 }, (_, at) => `n${at}: `).join(', ')}}\n`
}

export const loadSpeed = {
  name: 'load-speed',
  shows: `loading ${SERVICES} services <= ${BOUND_MS} ms warm; \`ek config\` of them no slower than \`docker compose config\``,
  needsEngine: false,
  async run({ show, note }) {
    const folder = temporaryFolder('load')
    try {
      writeFileSync(join(folder.path, 'compose.yaml'), stack())
      const warm = await warmTimes(stack())
      show(`loading ${SERVICES} services, warm`, spreadOf(warm), `<= ${BOUND_MS} ms`, median(warm) <= BOUND_MS)
      if (!(await hasCompose())) {
        note('docker compose is not here: nothing to compare with')
        return
      }
      for (const [what, text, rounds] of [
        [`${SERVICES} services`, stack(), ROUNDS],
        ['2 services', 'services:\n  web: {image: x, depends_on: [db]}\n  db: {image: y}\n', ROUNDS],
      ]) {
        writeFileSync(join(folder.path, 'compose.yaml'), text)
        const times = await interleaved(rounds, {
          ours: () => configMs(join(projectFolder, 'dist/bin/ek'), ['config'], folder.path),
          compose: () => configMs('docker', ['compose', 'config'], folder.path),
        })
        const ratio = median(times.ours) / median(times.compose)
        show(
          `config of ${what}, ours / compose`,
          ratio.toFixed(2),
          '<= 1.00',
          ratio <= 1,
          `ours ${spreadOf(times.ours)}; compose ${spreadOf(times.compose)}`,
        )
      }
    } finally {
      folder.remove()
    }
  },
}

async function configMs(command, args, cwd) {
  const { code, stderr, ms } = await runProgram(command, args, { cwd })
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
  return ms
}

/** In one process, after as many loads to warm up. */
async function warmTimes(text) {
  const folder = mkdtempSync(join(tmpdir(), 'ek-load-'))
  try {
    const outfile = join(folder, 'load.cjs')
    const entry = join(projectFolder, 'protocol/stackfile/load.ts')
    await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      logLevel: 'error',
    })
    const { loadStack } = createRequire(import.meta.url)(outfile)
    const load = () =>
      loadStack({
        files: ['/p/compose.yaml'],
        profiles: [],
        environment: {},
        source: { read: (path) => (path === '/p/compose.yaml' ? text : undefined), isDirectory: () => false },
      })
    for (let round = 0; round < WARM_ROUNDS; round += 1) load()
    return Array.from({ length: WARM_ROUNDS }, () => {
      const started = performance.now()
      load()
      return performance.now() - started
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}
