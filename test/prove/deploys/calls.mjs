import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { sweep } from '../../lab/sweep.mjs'
import { trafficImage } from '../../lab/traffic-image.mjs'
import { spreadOf } from '../statistics.mjs'
import { Load } from './clients.mjs'

const STACK = 'ek-deploys-calls'

/** By which name `caller` calls `api`, and what is promised of it. */
const ways = (routesPort) => [
  {
    title: 'through the ingress (a route, and extra_hosts: host-gateway)',
    at: `api.test:${routesPort}`,
    isPromised: true,
  },
  { title: "by the Engine's DNS (api)", at: 'api:8080', isPromised: false },
  { title: `by the Engine's DNS (api.${STACK})`, at: `api.${STACK}:8080`, isPromised: false },
]

/** Deploys of `api`, while `caller`, which never changes, calls it: on connections that it keeps, and on new ones. */
export async function proveCalls({ engine, daemon, folder, count, netns, routesPort, show, note }) {
  await sweep(engine, STACK)
  const path = join(folder, 'calls.json')
  const up = (version) => {
    writeFileSync(path, JSON.stringify({ name: STACK, services: services(version) }))
    return daemon.must(['-f', path, 'up', '-d'])
  }
  await up(0)
  const loads = ways(routesPort).map((way) => ({ ...way, load: new Load(netns), requests: 0, failed: 0, errors: {} }))
  try {
    for (const { load, at } of loads)
      await load.start({ kind: 'calls', port: routesPort, headers: { Host: 'caller.test' }, at, pauseMs: 50 })
    await delay(2000)
    for (const { load } of loads) await load.ask()
    const times = []
    for (let version = 1; version <= count; version += 1) {
      times.push((await up(version)).ms)
      await delay(200)
      for (const one of loads) {
        const seen = await one.load.ask()
        if (seen.versions[version] === undefined) note(`${one.title}: version ${version} was never reached`)
        one.requests += seen.requests
        one.failed += seen.failed
        for (const [error, n] of Object.entries(seen.errors)) one.errors[error] = (one.errors[error] ?? 0) + n
      }
    }
    for (const { title, isPromised, requests, failed, errors } of loads) {
      const words = Object.entries(errors).map(([error, n]) => `${n} x ${error}`)
      const figure = `${failed} of ${requests}`
      const spread = [`a deploy: ${spreadOf(times)}`, ...words].join('; ')
      const holds = (!isPromised || failed === 0) && requests > 0
      show(
        `calls between services ${title}: failed in ${count} deploys`,
        figure,
        isPromised ? '0' : 'told',
        holds,
        spread,
      )
    }
  } finally {
    for (const { load } of loads) load.stop()
    await daemon.ek(['-p', STACK, 'down', '-t', '0'])
    await sweep(engine, STACK)
  }
}

function services(version) {
  const of = (own) => ({
    image: trafficImage,
    environment: { VERSION: String(own) },
    healthcheck: {
      test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'],
      interval: '300ms',
      retries: 10,
    },
  })
  return {
    caller: {
      ...of('caller'),
      extra_hosts: ['api.test:host-gateway'],
      'x-evenkeel': { routes: [{ host: 'caller.test', port: 8080 }] },
    },
    api: { ...of(version), 'x-evenkeel': { routes: [{ host: 'api.test', port: 8080 }], drain: '2s' } },
  }
}
