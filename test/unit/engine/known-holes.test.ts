import { expect, test } from 'vitest'
import { knownHoles } from '../../../daemon/engine/known-holes.ts'

const holesOf = (Engine: string, runc?: string): string[] =>
  knownHoles({ Engine, runc }).map((line) => line.split(' ', 1)[0]!)

test.each<[string, string | undefined, string[]]>([
  ['28.5.2', '1.3.3', []],
  ['28.5.2', '1.4.0', []],
  ['28.5.2', '1.4.0-rc.3', []],
  ['28.5.2', '2.0.0', []],
  ['28.5.2', undefined, []],
  ['28.5.2', '1.4.0-rc.2', ['runc']],
  ['28.5.2', '1.3.2', ['runc']],
  ['28.5.2', '1.2.8', []],
  ['28.5.2', '1.2.7', ['runc']],
  ['28.5.2', '1.1.12', ['runc']],
  ['28.5.2+dfsg4', '1.1.5+ds1', ['runc', 'runc']],
  ['28.5.2', '1.0.0-rc93', ['runc', 'runc']],
  ['27.1.0', '1.3.3', ['Engine']],
  ['26.1.5', '1.3.3', []],
  ['25.0.1', '1.3.3', ['Engine', 'Engine']],
  ['24.0.8', '1.3.3', ['Engine', 'Engine']],
  ['20.10.24+dfsg1', '1.3.3', ['Engine', 'Engine']],
  ['dev', 'unknown', []],
])('Engine %s with runc %s has known holes in %o', (engine, runc, parts) => {
  expect(holesOf(engine, runc)).toEqual(parts)
})

test('a hole is told with its names, what it lets one do, and the way out', () => {
  expect(knownHoles({ Engine: '28.5.2', runc: '1.1.11' })[0]).toBe(
    'runc 1.1.11 is one with CVE-2024-21626: an image or `exec` can leave its container through a working directory; update to 1.1.12 or newer, unless your distribution has mended it',
  )
})
