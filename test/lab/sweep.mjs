// Removes everything of a Compose project from an Engine, whoever made it: a proof begins on clean ground.
import { setTimeout as delay } from 'node:timers/promises'
import { until } from './daemon.mjs'
import { engineCall, engineJson } from './engine-call.mjs'

export async function sweep(engine, project) {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${project}`] }))
  for (const { Id } of await engineJson(engine, 'GET', `/containers/json?all=true&filters=${filters}`)) {
    await engineCall(engine, 'DELETE', `/containers/${Id}?force=true&v=true`, { accept: [404, 409] })
  }
  // A container that another removal has in hand holds its network a little longer.
  for (const { Id } of await engineJson(engine, 'GET', `/networks?filters=${filters}`)) {
    await until('the network is free', async () => {
      const { status } = await engineCall(engine, 'DELETE', `/networks/${Id}`, { accept: [403, 404] })
      return status !== 403 || (await isMiscounted(engine, Id))
    })
  }
  const { Volumes } = await engineJson(engine, 'GET', `/volumes?filters=${filters}`)
  for (const { Name } of Volumes ?? []) await engineCall(engine, 'DELETE', `/volumes/${Name}`, { accept: [404] })
}

/** Engine 20.10 counts wrong now and then, and keeps a network that nobody is on until it is restarted. */
async function isMiscounted(engine, network) {
  const filters = encodeURIComponent(JSON.stringify({ network: [network] }))
  if ((await engineJson(engine, 'GET', `/containers/json?all=true&filters=${filters}`)).length > 0) return false
  // What another removal has in hand is in no list any more, and holds it a little longer.
  await delay(5000)
  const { status, text } = await engineCall(engine, 'DELETE', `/networks/${network}`, { accept: [403, 404] })
  if (status === 403) console.warn(`left behind by the Engine: ${text.trim()}`)
  return true
}
