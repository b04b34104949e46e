// Removes everything of a Compose project from an Engine, whoever made it: a proof begins on clean ground.
import { until } from './daemon.mjs'
import { engineCall, engineJson } from './engine-call.mjs'

export async function sweep(engine, project) {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${project}`] }))
  for (const { Id } of await engineJson(engine, 'GET', `/containers/json?all=true&filters=${filters}`)) {
    await engineCall(engine, 'DELETE', `/containers/${Id}?force=true&v=true`, { accept: [404, 409] })
  }
  // A container that another removal has in hand holds its network a little longer.
  for (const { Id } of await engineJson(engine, 'GET', `/networks?filters=${filters}`)) {
    await until('the network is free', () => engineCall(engine, 'DELETE', `/networks/${Id}`, { accept: [404] }))
  }
  const { Volumes } = await engineJson(engine, 'GET', `/volumes?filters=${filters}`)
  for (const { Name } of Volumes ?? []) await engineCall(engine, 'DELETE', `/volumes/${Name}`, { accept: [404] })
}
