/** A loop that some Engines come into by themselves (moby#48912): what the daemon makes of it, on a real one. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { canStartEngineLoop, processesOf, startEngineLoop } from '../lab/engine-loop.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINES = testEngines()
const able: string[] = []
for (const engine of ENGINES) if (await canStartEngineLoop(engine)) able.push(engine)
const STACK = `ektest-engine-loop-${process.pid}`
const CONTAINER = `${STACK}-web-1`

describe.skipIf(able.length === 0)('a container that the Engine ends again and again by itself', () => {
  const ENGINE = able[0]!
  const folder = temporaryFolder('engine-loop')
  const at = { cwd: folder.path }
  let daemon: Awaited<ReturnType<typeof startDaemon>>

  const inspect = () => engineJson(ENGINE, 'GET', `/containers/${CONTAINER}/json`)
  const isInLoop = async () => (await inspect()).RestartCount >= 3
  const isSteady = async () => {
    const { stdout } = await daemon.must(['ls', '--format', 'json', '--filter', `name=^${STACK}$`])
    return JSON.parse(stdout)[0]?.Condition === 'steady'
  }
  /** Bytes of its log since so long after its start. */
  const logged = async (afterSeconds: number) => {
    const { Id, State } = await inspect()
    const since = Math.floor(Date.parse(State.StartedAt) / 1000) + afterSeconds
    return (await engineCall(ENGINE, 'GET', `/containers/${Id}/logs?stdout=true&since=${since}`)).text.length
  }

  beforeAll(async () => {
    daemon = await startDaemon(ENGINE, 'engine-loop')
    const web = { image: 'ek-lab/chatty:1', environment: { LINES: '0' }, restart: 'always', stop_grace_period: '1s' }
    writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services: { web } }))
    await daemon.must(['up', '-d'], at)
  })

  afterAll(async () => {
    await daemon.ek(['down', '-t', '0'], at)
    await sweep(ENGINE, STACK)
    await daemon.remove()
    folder.remove()
  })

  test('runs on before long, with its network, its log and its policy, and why is told', async () => {
    await startEngineLoop(ENGINE, CONTAINER)
    await until('the Engine is in its loop', isInLoop)
    await until('it is healed', async () => (await isSteady()) && (await inspect()).RestartCount === 0)
    const { State, HostConfig, NetworkSettings } = await inspect()
    expect([State.Status, HostConfig.RestartPolicy.Name]).toEqual(['running', 'always'])
    expect(NetworkSettings.Networks[`${STACK}_default`].IPAddress).not.toBe('')
    // The Engine takes 2 s to misjudge an end.
    await until('it has run on', async () => (await logged(8)) > 0)
    expect((await inspect()).State).toMatchObject({ Status: 'running', StartedAt: State.StartedAt })
    const now = new Date().toISOString()
    const { stdout } = await daemon.must(['events', '--since', '10m', '--until', now, '--json'], at)
    expect(stdout).toContain('again and again by itself')
  })

  test('leaves no process behind where it goes', async () => {
    await startEngineLoop(ENGINE, CONTAINER)
    await until('the Engine is in its loop', isInLoop)
    const { Id } = await inspect()
    await daemon.must(['down', '-t', '1'], at)
    expect(processesOf(Id)).toEqual([])
  })
})
