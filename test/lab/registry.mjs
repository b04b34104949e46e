// A registry for tests, as a container on the Engine's own host network: its 127.0.0.1 is the Engine's, wherever that is, and the
// Engine takes a registry there without TLS.
import { readFileSync } from 'node:fs'
import { until } from './daemon.mjs'
import { engineCall, engineJson } from './engine-call.mjs'
import { ensureImages } from './images.mjs'

const program = readFileSync(new URL('./images/registry.mjs', import.meta.url), 'utf8')

/**
 * Starts one; `host` is its name in references (`127.0.0.1:PORT`), `remove()` ends it. With `login` (`user:password`) it asks
 * for them.
 *
 * @param {string} engine
 * @param {{ login?: string }} options
 * @returns {Promise<{ host: string, remove: () => Promise<void> }>}
 */
export async function startRegistry(engine, { login } = {}) {
  await ensureImages(engine)
  const { Id } = await engineJson(engine, 'POST', '/containers/create', {
    body: {
      Image: 'ek-lab/app:1',
      Entrypoint: ['/usr/bin/node', '--input-type=module', '--eval', program],
      Env: login === undefined ? [] : [`REGISTRY_LOGIN=${login}`],
      Labels: { 'ek-lab.registry': '' },
      HostConfig: { NetworkMode: 'host', LogConfig: { Type: 'json-file' } },
    },
  })
  const remove = async () => {
    await engineCall(engine, 'DELETE', `/containers/${Id}?force=true&v=true`, { accept: [404, 409] })
  }
  try {
    await engineCall(engine, 'POST', `/containers/${Id}/start`)
    const port = await until('the registry listens', async () => {
      const { text } = await engineCall(engine, 'GET', `/containers/${Id}/logs?stdout=true&stderr=true`)
      return /port (\d+)/.exec(text)?.[1]
    })
    return { host: `127.0.0.1:${port}`, remove }
  } catch (error) {
    await remove()
    throw error
  }
}
