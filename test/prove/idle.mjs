import { setTimeout as delay } from 'node:timers/promises'
import { startDaemon, temporaryFolder, until, writeStack } from '../lab/daemon.mjs'
import { sweep } from '../lab/sweep.mjs'

export const idle = {
  name: 'idle',
  shows: 'the idle daemon with 10 stacks: <= 90 MiB resident, < 1 % of a core',
  async run({ engine, show }) {
    const daemon = await startDaemon(engine, 'idle')
    const folders = []
    try {
      for (let stack = 1; stack <= 10; stack += 1) {
        await sweep(engine, `ek-idle-${stack}`)
        const folder = temporaryFolder('idle-stack')
        folders.push(folder)
        writeStack(folder.path, {
          services: 3,
          top: { name: `ek-idle-${stack}` },
          service: () => ({ healthcheck: { test: ['CMD', 'true'], interval: '10s' } }),
        })
        await daemon.must(['up'], { cwd: folder.path })
      }
      await until('all are steady', async () => {
        const stacks = JSON.parse((await daemon.must(['ls', '--format', 'json'])).stdout)
        return stacks.length === 10 && stacks.every((stack) => stack.Condition === 'steady')
      })
      await delay(10_000)
      const from = daemon.cpuSeconds()
      const seconds = 90
      const resident = []
      for (let second = 0; second < seconds; second += 1) {
        await delay(1000)
        resident.push(daemon.status().residentKiB / 1024)
      }
      const share = ((daemon.cpuSeconds() - from) / seconds) * 100
      const peak = Math.max(...resident)
      show(
        'resident memory, greatest of 90 samples',
        `${peak.toFixed(1)} MiB`,
        '<= 90 MiB',
        peak <= 90,
        `least ${Math.min(...resident).toFixed(1)}`,
      )
      show('CPU over 90 s', `${share.toFixed(2)} % of a core`, '< 1 %', share < 1)
    } finally {
      for (const folder of folders) {
        await daemon.ek(['down', '-t', '0'], { cwd: folder.path })
        folder.remove()
      }
      await daemon.remove()
    }
  },
}
