import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'

/** Each: the file, where the complaint must point, what it must say. */
const CASES = [
  ['wrong key', 'services:\n  web:\n    imag: ek-lab/sleep:1\n', '3:5', /imag\b.*[\s\S]*image/],
  ['wrong type', 'services:\n  web:\n    image: ek-lab/sleep:1\n    privileged: [yes]\n', '4:', /privileged/],
  ['indentation', 'services:\n  web:\n    image: ek-lab/sleep:1\n   command: sleep\n', '4:', /./],
  ['missing variable', 'services:\n  web:\n    image: ${IMAGE:?name the image}\n', '3:12', /IMAGE.*name the image/s],
  [
    'cycle',
    'services:\n  a:\n    image: x\n    depends_on: [b]\n  b:\n    image: x\n    depends_on: [a]\n',
    '7:',
    /circle/i,
  ],
  [
    'unknown dependency',
    'services:\n  a:\n    image: x\n    depends_on: [dbb]\n  db:\n    image: x\n',
    '4:',
    /dbb[\s\S]*db\b/,
  ],
  ['bad port', 'services:\n  a:\n    image: x\n    ports: ["80:http"]\n', '4:13', /port/i],
  ['tab', 'services:\n\tweb:\n\t\timage: x\n', '2:', /tab/i],
  ['duplicate key', 'services:\n  a:\n    image: x\n    image: y\n', '4:', /image/],
  [
    'alias bomb',
    `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((letter, at) => `${letter}: &${letter} [${Array(9).fill(`*${'abcdefgh'[at]}`).join()}]`)
      .join('\n')}\nservices:\n  web:\n    image: x\n    x-y: *i\n`,
    '',
    /alias|expand|too/i,
  ],
]

export const badInput = {
  name: 'bad-input',
  shows:
    'a wrong key, type, indentation, missing variable, cycle: file:line:column, what is wrong, what was meant; exit code not 0; nothing created',
  async run({ engine, show }) {
    const folder = temporaryFolder('bad')
    const daemon = await startDaemon(engine, 'bad')
    const objects = async () => {
      const filters = encodeURIComponent(JSON.stringify({ label: ['com.docker.compose.project=ek-bad'] }))
      const [containers, networks] = await Promise.all([
        engineJson(engine, 'GET', `/containers/json?all=true&filters=${filters}`),
        engineJson(engine, 'GET', `/networks?filters=${filters}`),
      ])
      return containers.length + networks.length
    }
    try {
      for (const [what, text, place, words] of CASES) {
        writeFileSync(join(folder.path, 'compose.yaml'), `name: ek-bad\n${text}`)
        const { code, stderr, ms } = await daemon.ek(['up'], { cwd: folder.path })
        const [line, column] = place.split(':')
        const expected = place === '' ? '' : `compose.yaml:${Number(line) + 1}:${column}`
        const first = stderr.trim().split('\n')[0]
        const holds =
          code !== 0 &&
          stderr.includes(expected) &&
          words.test(stderr) &&
          (await objects()) === 0 &&
          !/\n\s+at /.test(stderr)
        show(
          what,
          first.slice(0, 160),
          `exit not 0, ${expected || 'refused'}, nothing created`,
          holds,
          `exit ${code}, ${ms.toFixed(0)} ms`,
        )
      }
    } finally {
      await daemon.remove()
      folder.remove()
    }
  },
}
