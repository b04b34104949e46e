import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { engineProxy } from '../lab/engine-proxy.mjs'
import { sweep } from '../lab/sweep.mjs'

export const upTwice = {
  name: 'up-twice',
  shows:
    'the second `up` is empty and the Engine sees only reads; one changed variable replaces only its service, as the plan said',
  async run({ engine, show }) {
    await sweep(engine, 'ek-twice')
    const folder = temporaryFolder('twice')
    const proxy = await engineProxy(engine, join(folder.path, 'engine.sock'))
    const daemon = await startDaemon(proxy.url, 'twice')
    const file = join(folder.path, 'compose.yaml')
    const services = 8
    const text = (value) =>
      JSON.stringify({
        name: 'ek-twice',
        services: Object.fromEntries(
          Array.from({ length: services }, (_, index) => [
            `s${index + 1}`,
            { image: 'ek-lab/sleep:1', environment: { VALUE: index === 3 ? value : 'same' }, stop_grace_period: '1s' },
          ]),
        ),
      })
    const ids = async () => {
      const filters = encodeURIComponent(JSON.stringify({ label: ['com.docker.compose.project=ek-twice'] }))
      const list = await engineJson(engine, 'GET', `/containers/json?all=true&filters=${filters}`)
      return Object.fromEntries(list.map((container) => [container.Labels['com.docker.compose.service'], container.Id]))
    }
    try {
      writeFileSync(file, text('one'))
      await daemon.must(['up'], { cwd: folder.path })
      const before = await ids()
      await until('the stack is steady', async () =>
        (await daemon.must(['ls', '--format', 'json'])).stdout.includes('"steady"'),
      )
      const from = proxy.calls.length
      const second = await daemon.must(['up'], { cwd: folder.path })
      const calls = proxy.calls.slice(from)
      const writes = calls.filter((call) => call.method !== 'GET' && call.method !== 'HEAD')
      show(
        'steps of the second up',
        String(second.stderr.trim().split('\n').filter(Boolean).length),
        '0',
        second.stderr.trim() === '',
      )
      show('calls of the second up that are no reads', `${writes.length} of ${calls.length}`, '0', writes.length === 0)
      const empty = JSON.parse((await daemon.must(['plan', '--format', 'json'], { cwd: folder.path })).stdout)
      show('actions of a plan of the same', String(empty.actions.length), '0', empty.actions.length === 0)
      writeFileSync(file, text('two'))
      const plan = JSON.parse((await daemon.must(['plan', '--format', 'json'], { cwd: folder.path })).stdout)
      const planned = [...new Set(plan.actions.map((action) => action.service))]
      await daemon.must(['up'], { cwd: folder.path })
      const after = await ids()
      const replaced = Object.keys(after).filter((service) => after[service] !== before[service])
      show('services that the plan replaces', planned.join(), 's4', planned.join() === 's4')
      show(
        'reason in the plan',
        plan.actions[0]?.reason,
        'environment.VALUE changed',
        plan.actions[0]?.reason === 'environment.VALUE changed',
      )
      show(
        'services that were replaced',
        `${replaced.join()} of ${Object.keys(after).length}`,
        's4',
        replaced.join() === 's4',
      )
      const label = JSON.parse(readFileSync(file, 'utf8')).services.s4.environment.VALUE
      const inspected = await engineJson(engine, 'GET', `/containers/${after.s4}/json`)
      show(
        'the new value is there',
        String(inspected.Config.Env.includes(`VALUE=${label}`)),
        'true',
        inspected.Config.Env.includes('VALUE=two'),
      )
    } finally {
      await daemon.ek(['down', '-t', '0'], { cwd: folder.path })
      await daemon.remove()
      proxy.close()
      folder.remove()
    }
  },
}
