// The image ek-lab/traffic:1: this machine's Node with images/traffic.mjs, and busybox for health checks.
import { readFileSync } from 'node:fs'
import { makeArchive, makeLayer, sha256 } from './archive.mjs'
import { busybox, nodeEntries } from './binaries.mjs'
import { engineCall, engineJson } from './engine-call.mjs'

export const trafficImage = 'ek-lab/traffic:1'
const label = 'ek-lab.traffic'

/** Makes it on the Engine at `engineUrl`, unless it is there as this code would make it. */
export async function ensureTrafficImage(engineUrl) {
  const script = readFileSync(new URL('./images/traffic.mjs', import.meta.url))
  const version = sha256(Buffer.concat([script, Buffer.from(process.version)])).slice(0, 16)
  const { status, text } = await engineCall(engineUrl, 'GET', `/images/${trafficImage}/json`, { accept: [404] })
  if (status === 200 && JSON.parse(text).Config.Labels?.[label] === version) return trafficImage
  const { entries, applets } = await busybox()
  const layer = await makeLayer('traffic', [
    ...entries,
    ...applets.filter((applet) => applet !== 'busybox').map((applet) => ({ path: `/bin/${applet}`, link: 'busybox' })),
    ...(await nodeEntries()),
    { path: '/tmp', mode: 0o1777 },
    { path: '/app/traffic.mjs', content: script },
  ])
  const { Arch } = await engineJson(engineUrl, 'GET', '/version')
  const config = {
    Env: ['PATH=/usr/bin:/bin'],
    Entrypoint: ['/usr/bin/node', '--max-old-space-size=64', '/app/traffic.mjs'],
    WorkingDir: '/',
    Labels: { [label]: version },
  }
  const body = makeArchive([{ tag: trafficImage, layers: [layer], config }], { architecture: Arch })
  const answer = await engineCall(engineUrl, 'POST', '/images/load?quiet=1', { body, timeoutMs: 300_000 })
  const problem = answer.text.split('\n').find((line) => line.includes('"error"'))
  if (problem) throw new Error(`The Engine did not take ${trafficImage}: ${problem}`)
  return trafficImage
}
