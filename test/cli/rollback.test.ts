/** Going back on a real Engine: the very images, another stack file in between, and what the history then says. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-back-${process.pid}`
const TAG = `ektest-back-${process.pid}:now`

let daemon: Awaited<ReturnType<typeof startDaemon>>
const folder = temporaryFolder('rollback')
const at = { cwd: folder.path }

const tag = (image: string) => {
  const [repo, name] = TAG.split(':')
  return engineCall(ENGINE, 'POST', `/images/${encodeURIComponent(image)}/tag?repo=${repo}&tag=${name}`)
}
const up = (services: object) => {
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services }))
  return daemon.must(['up', '-t', '0'], at)
}
const container = (service: string) => engineJson(ENGINE, 'GET', `/containers/${STACK}-${service}-1/json`)

beforeAll(async () => {
  await ensureImages(ENGINE)
  daemon = await startDaemon(ENGINE, 'rollback')
})
afterAll(async () => {
  await daemon.remove()
  await sweep(ENGINE, STACK)
  await engineCall(ENGINE, 'DELETE', `/images/${encodeURIComponent(TAG)}?force=true`).catch(() => {})
  folder.remove()
})

describe('rollback', () => {
  test('brings back the image that the tag meant then, and the services of then', async () => {
    await tag('ek-lab/sleep:1')
    const web = { image: TAG, environment: { VERSION: '1' } }
    await up({ web })
    const first = await container('web')
    await tag('ek-lab/job:1')
    await up({ web: { ...web, environment: { VERSION: '2' } }, extra: { image: 'ek-lab/sleep:1' } })
    expect((await container('web')).Image).not.toBe(first.Image)

    const { stdout } = await daemon.must(['rollback', '--dry-run'], at)
    expect(stdout).toMatch(/web-1.*\n[\s\S]*extra-1/)
    expect((await container('extra')).State.Running).toBe(true)

    const { stderr } = await daemon.must(['rollback', '-t', '0', '--note', 'version 2 fails'], at)
    expect(stderr).toMatch(/is at revision 3\.\n$/)
    const now = await container('web')
    expect([now.Image, now.Config.Env.includes('VERSION=1')]).toEqual([first.Image, true])
    await until(
      'the service that revision 1 does not have is gone',
      async () => (await daemon.must(['ps', '-a', '--services'], at)).stdout.trim() === 'web',
    )
    expect((await daemon.must(['history'], at)).stdout).toMatch(/^3 \*.*version 2 fails/m)
    const shown = (await daemon.must(['show', '1'], at)).stdout
    expect(shown).toContain(`# image of web: ${TAG} ${first.Image}`)
    expect(shown).not.toContain('VERSION: "1"')
    expect((await daemon.must(['show', '--values', '1'], at)).stdout).toContain('VERSION: "1"')
    const again = await daemon.must(['rollback', '3'], at)
    expect(again.stderr).toContain('is at revision 3.')
    expect((await container('web')).Id).toBe(now.Id)
  })

  test('says what is wrong before anything is changed', async () => {
    const refused = async (...args: string[]) => {
      const { code, stderr } = await daemon.ek(['rollback', ...args], at)
      return [code, stderr.split('\n')[0]]
    }
    expect(await refused('9')).toEqual([1, `stack ${STACK} has no revision 9`])
    expect(await refused('web')).toEqual([1, '"web" is no number of a revision'])
    expect(await refused('1', '2')).toEqual([1, 'one revision, not 1 and 2'])
  })
})
