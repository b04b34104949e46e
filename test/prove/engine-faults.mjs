import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'

const PORT = 23987

export const engineFaults = {
  name: 'engine-faults',
  shows: 'an Engine that is down, a missing image, a taken port: one clear line each, the rest of the stack untouched',
  async run({ engine, show }) {
    await sweep(engine, 'ek-faults')
    const folder = temporaryFolder('faults')
    const daemon = await startDaemon(engine, 'faults')
    const file = (services) =>
      writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: 'ek-faults', services }))
    const state = async () => {
      const filters = encodeURIComponent(JSON.stringify({ label: ['com.docker.compose.project=ek-faults'] }))
      const list = await engineJson(engine, 'GET', `/containers/json?all=true&filters=${filters}`)
      return list
        .map((container) => `${container.Names[0]} ${container.Id} ${container.State}`)
        .sort()
        .join('\n')
    }
    const complaint = ({ stderr }) =>
      stderr.split('\n').filter((line) => line !== '' && !/^ (Container|Network|Volume|Image|Service) /.test(line))
    let blocker
    try {
      file({
        web: { image: 'ek-lab/sleep:1', stop_grace_period: '0s' },
        db: { image: 'ek-lab/sleep:1', stop_grace_period: '0s' },
      })
      await daemon.must(['up'], { cwd: folder.path })
      const before = await state()

      file({ web: { image: 'ek-lab/sleep:1', environment: { A: '1' } }, db: { image: 'ek-lab/no-such-image:9' } })
      const missing = await daemon.ek(['up'], { cwd: folder.path })
      const said = complaint(missing)
      show(
        'a missing image',
        said[0] ?? '',
        'exit not 0, names the image',
        missing.code !== 0 && /no-such-image/.test(said[0] ?? ''),
        `exit ${missing.code}`,
      )
      show(
        'the rest of the stack',
        (await state()) === before ? 'untouched' : 'touched',
        'untouched',
        (await state()) === before,
      )

      await engineCall(engine, 'DELETE', '/containers/ek-port-holder?force=true', { accept: [404] })
      const created = await engineJson(engine, 'POST', '/containers/create?name=ek-port-holder', {
        body: {
          Image: 'ek-lab/sleep:1',
          ExposedPorts: { '80/tcp': {} },
          HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(PORT) }] } },
        },
      })
      blocker = created.Id
      await engineCall(engine, 'POST', `/containers/${blocker}/start`)
      file({
        web: { image: 'ek-lab/sleep:1', stop_grace_period: '0s', ports: [`127.0.0.1:${PORT}:80`] },
        db: { image: 'ek-lab/sleep:1', stop_grace_period: '0s' },
      })
      const taken = await daemon.ek(['up'], { cwd: folder.path })
      const takenSaid = complaint(taken)
      show(
        'a taken port',
        takenSaid[0] ?? '',
        'exit not 0, names port and holder',
        taken.code !== 0 && takenSaid[0]?.includes(String(PORT)) && /ek-port-holder/.test(takenSaid[0]),
        `exit ${taken.code}`,
      )
      show(
        'the rest of the stack',
        (await state()) === before ? 'untouched' : 'touched',
        'untouched',
        (await state()) === before,
      )
      await daemon.must(['-p', 'ek-faults', 'down', '-t', '0'])

      await daemon.stop()
      await daemon.start({ engine: `unix://${join(folder.path, 'nobody.sock')}` })
      const away = await daemon.ek(['up'], { cwd: folder.path })
      const awaySaid = complaint(away)
      show(
        'an Engine that is down',
        awaySaid[0] ?? '',
        'exit not 0, names its address',
        away.code !== 0 && /nobody\.sock/.test(awaySaid[0] ?? ''),
        `exit ${away.code}`,
      )
      const listed = await daemon.ek(['ls', '-a'])
      show('`ls` without an Engine', `exit ${listed.code}`, 'exit 0', listed.code === 0)
      const log = daemon.log()
      show(
        'the daemon says so',
        /does not answer; waiting/.test(log) ? 'waits and says so' : 'silent',
        'says so',
        /does not answer; waiting/.test(log),
      )
    } finally {
      if (blocker !== undefined) await engineCall(engine, 'DELETE', `/containers/${blocker}?force=true`)
      await daemon.stop()
      await daemon.start({ engine })
      await daemon.ek(['-p', 'ek-faults', 'down', '-t', '0'])
      await daemon.remove()
      folder.remove()
    }
  },
}
