// Images of one script, /app/NAME.mjs: this machine's Node with it, and busybox for health checks.
import { makeArchive, makeLayer, sha256 } from './archive.mjs'
import { busybox, nodeEntries } from './binaries.mjs'
import { engineCall, engineJson } from './engine-call.mjs'

const label = 'ek-lab.script'

export const nodeImage = (name) => `ek-lab/${name}:1`

/** Makes it on the Engine at `engineUrl`, unless it is there as this code would make it. */
export async function ensureNodeImage(engineUrl, name, script) {
  const image = nodeImage(name)
  const path = `/app/${name}.mjs`
  const version = sha256(Buffer.concat([Buffer.from(path), script, Buffer.from(process.version)])).slice(0, 16)
  const { status, text } = await engineCall(engineUrl, 'GET', `/images/${image}/json`, { accept: [404] })
  if (status === 200 && JSON.parse(text).Config.Labels?.[label] === version) return image
  const { entries, applets } = await busybox()
  const layer = await makeLayer(name, [
    ...entries,
    ...applets.filter((applet) => applet !== 'busybox').map((applet) => ({ path: `/bin/${applet}`, link: 'busybox' })),
    ...(await nodeEntries()),
    { path: '/tmp', mode: 0o1777 },
    { path, content: script },
  ])
  const { Arch } = await engineJson(engineUrl, 'GET', '/version')
  const config = {
    Env: ['PATH=/usr/bin:/bin'],
    Entrypoint: ['/usr/bin/node', '--max-old-space-size=64', path],
    WorkingDir: '/',
    Labels: { [label]: version },
  }
  const body = makeArchive([{ tag: image, layers: [layer], config }], { architecture: Arch })
  const answer = await engineCall(engineUrl, 'POST', '/images/load?quiet=1', { body, timeoutMs: 300_000 })
  const problem = answer.text.split('\n').find((line) => line.includes('"error"'))
  if (problem) throw new Error(`The Engine did not take ${image}: ${problem}`)
  return image
}
