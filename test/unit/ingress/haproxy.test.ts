import { describe, expect, it } from 'vitest'
import { type IngressSettings, renderConfig } from '../../../daemon/ingress/config.ts'
import { Haproxy } from '../../../daemon/ingress/haproxy.ts'
import { rejectionOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const SETTINGS: IngressSettings = {
  http: { host: '0.0.0.0', port: 80 },
  https: { host: '0.0.0.0', port: 443 },
  ipv6: false,
  cookieKey: 'key',
}

/** HAProxy in a container that the Engine has restarted five times in its past; only waiting moves the clock. */
class Stage {
  restarts = 5
  failedReloads = 2
  /** A reload has neither the old master's socket nor the new one's for a moment. */
  hasMaster = true
  isServing = false
  waitedMs = 0
  /** Called with each wait. */
  onWait = (): void => {}

  serve(wasRunning: boolean): Promise<void> {
    const parts = {
      settings: SETTINGS,
      folder: temporaryFolder(),
      clock: {
        now: () => new Date(this.waitedMs),
        sleep: async (ms: number) => {
          this.waitedMs += ms
          this.onWait()
        },
      },
      container: {
        name: 'evenkeel-ingress-1',
        ensure: async () => !wasRunning,
        restarts: async () => this.restarts,
        complaints: async () => 'cannot bind socket (Address already in use) [0.0.0.0:80]',
      },
      runtime: {
        structure: async () => (this.isServing ? renderConfig([], SETTINGS).structure : 'that of before'),
        workers: async () => {
          if (!this.hasMaster) throw new Error('there is no socket')
          return { current: 1, old: [], failedReloads: this.failedReloads }
        },
        reload: async () => {
          this.hasMaster = false
        },
        servers: async () => [],
        setStates: async () => {},
        ask: async () => '',
      },
      tls: { write: () => new Map(), sync: async () => {} },
      access: { stacks: new Set(), renew: () => {} },
    }
    return new Haproxy(parts as unknown as ConstructorParameters<typeof Haproxy>[0]).serve([], undefined)
  }
}

describe('HAProxy that is started', () => {
  it('is waited for, whatever became of its container in the past', async () => {
    const stage = new Stage()
    stage.onWait = () => {
      stage.isServing = stage.waitedMs >= 5000
    }
    await stage.serve(false)
    expect(stage.waitedMs).toBe(5000)
  })

  it('is given up once it has ended three times, with what it says and what to do', async () => {
    const stage = new Stage()
    stage.onWait = () => {
      stage.restarts += 1
    }
    const problem = await rejectionOf(stage.serve(false))
    expect(problem.message).toMatch(/^the ingress has not started\ncannot bind/)
    expect(problem.hint).toContain('maybe the ingress of another evenkeeld')
    expect(stage.waitedMs).toBe(300)
  })

  it('is given up after 15 s', async () => {
    const stage = new Stage()
    expect((await rejectionOf(stage.serve(false))).message).toContain('the ingress has not started within 15 s')
  })
})

describe('HAProxy that reloads', () => {
  it('is waited for while it has no socket, whatever became of its container in the past', async () => {
    const stage = new Stage()
    stage.onWait = () => {
      stage.isServing = stage.waitedMs >= 3000
    }
    await stage.serve(true)
    expect(stage.waitedMs).toBe(3000)
  })

  it('is given up once it says that the reload failed, and not for one that failed before', async () => {
    const stage = new Stage()
    stage.onWait = () => {
      stage.hasMaster = stage.waitedMs >= 200
      if (stage.waitedMs >= 500) stage.failedReloads = 3
    }
    expect((await rejectionOf(stage.serve(true))).message).toMatch(/^the ingress has not taken its configuration\n/)
    expect(stage.waitedMs).toBe(500)
  })
})
