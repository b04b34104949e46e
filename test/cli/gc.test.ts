/** `gc` on a real Engine: shown first, then removed; what the last revisions need stays, and `rollback` reaches it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { startDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { engineCall } from '../lab/engine-call.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-gc-${process.pid}`
const IMAGE = `${STACK}:now`

let daemon: Awaited<ReturnType<typeof startDaemon>>
const folder = temporaryFolder('gc')
const at = { cwd: folder.path }

const deploy = async (version: number) => {
  const build = { context: '.', dockerfile_inline: `FROM ek-lab/sleep:1\nLABEL version=${version}-${process.pid}\n` }
  const services = { web: { image: IMAGE, build, stop_grace_period: '0s' } }
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services }))
  await daemon.must(['up', '--build'], at)
  return JSON.parse((await daemon.must(['images', '--format', 'json'], at)).stdout)[0].ID as string
}
const garbage = async (keep: number) =>
  (
    JSON.parse((await daemon.must(['gc', '--keep', String(keep), '--dry-run', '--format', 'json'])).stdout) as {
      id: string
    }[]
  )
    .map(({ id }) => id)
    .sort()

beforeAll(async () => {
  await ensureImages(ENGINE)
  daemon = await startDaemon(ENGINE, 'gc')
})
afterAll(async () => {
  await daemon.ek(['-p', STACK, 'down', '-t', '0'])
  await daemon.remove()
  await sweep(ENGINE, STACK)
  await engineCall(ENGINE, 'DELETE', `/images/${encodeURIComponent(IMAGE)}?force=true`).catch(() => {})
  folder.remove()
})

test('images of long ago are shown, removed when that is said, and those of the last revisions stay', async () => {
  const [first, second, third] = [await deploy(1), await deploy(2), await deploy(3)]
  expect(new Set([first, second, third]).size).toBe(3)
  expect(await garbage(3)).toEqual([])
  expect(await garbage(2)).toEqual([first])
  expect(await garbage(1)).toEqual([first, second].sort())

  const asked = await daemon.must(['gc', '--keep', '2'])
  expect(asked.stdout).toContain(`${STACK} 1`)
  expect(asked.stderr).toContain('Nothing was removed: say so with --yes.')
  expect(await garbage(2)).toEqual([first])

  const removed = await daemon.must(['gc', '--keep', '2', '--yes'])
  expect(removed.stderr).toContain('Removed 1 image(s).')
  expect(await garbage(1)).toEqual([second])
  await daemon.must(['rollback', '2', '-t', '0'], at)
  expect(JSON.parse((await daemon.must(['images', '--format', 'json'], at)).stdout)[0].ID).toBe(second)
  const { code, stderr } = await daemon.ek(['rollback', '1', '-t', '0'], at)
  expect(code).not.toBe(0)
  expect(stderr).toContain('revision 1')
})
