import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../lab/daemon.mjs'
import { HttpsCaller, startHttpsDaemon, tokenFor } from '../lab/https-daemon.mjs'

const ROLES = ['owner', 'administrator', 'power-user', 'operations', 'developer', 'deployer', 'viewer']

/** What a role has, written down by hand: the daemon's own table is what is to be proven. */
const HAS = {
  connect: ROLES,
  read: ROLES,
  'volume.read': ROLES,
  logs: ROLES.filter((role) => role !== 'deployer'),
  model: ['owner', 'administrator', 'power-user', 'developer'],
  exec: ['owner', 'administrator', 'power-user', 'developer'],
  deploy: ['owner', 'administrator', 'power-user', 'developer', 'deployer'],
  'context.write': ['owner', 'administrator', 'power-user', 'developer', 'deployer'],
  operate: ['owner', 'administrator', 'power-user', 'operations', 'developer'],
  'image.read': ROLES.filter((role) => role !== 'viewer'),
  'volume.protect': ['owner', 'administrator', 'power-user', 'operations'],
  'volume.data': ['owner', 'administrator', 'power-user'],
  'secret.write': ['owner', 'administrator', 'power-user', 'developer'],
}

/** Of the daemon: not with a grant for some stacks alone. */
const HAS_WITH_ALL_STACKS = {
  'system.read': ['owner', 'administrator', 'power-user', 'operations'],
  administer: ['owner', 'administrator'],
  'audit.read': ['owner', 'administrator'],
  'access.manage': ['owner', 'administrator'],
  'invitation.accept': ['owner'],
}

export const routeMatrix = {
  name: 'route-matrix',
  shows:
    'each route and WebSocket of the API x each role x own and foreign objects, on a running daemon: all as declared',
  async run({ engine, show, note }) {
    const daemon = await startHttpsDaemon(engine, 'route-matrix')
    const folder = temporaryFolder('route-matrix')
    const names = { own: `ekproof-own-${process.pid}`, foreign: `ekproof-foreign-${process.pid}` }
    try {
      for (const name of Object.values(names)) {
        const file = {
          name,
          services: { web: { image: 'ek-lab/sleep:1', stop_grace_period: '0s', volumes: ['data:/data'] } },
          volumes: { data: {} },
        }
        writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify(file))
        await daemon.must(['up', '-d'], { cwd: folder.path })
      }
      const owner = new HttpsCaller(daemon, { token: await tokenFor(daemon, 'all', '--role', 'owner') })
      const objects = {}
      for (const [whose, stack] of Object.entries(names)) objects[whose] = await objectsOf(owner, stack)
      const { body: document } = await owner.call('GET', '/v1/openapi.json')
      const operations = operationsOf(document)
      const wrong = []
      let calls = 0
      for (const [role, reach] of ROLES.flatMap((role) => [
        [role, names.own],
        [role, '*'],
      ])) {
        const token = await tokenFor(daemon, `${role}${reach === '*' ? '-all' : ''}`, '--role', role, '--stack', reach)
        const caller = new HttpsCaller(daemon, { token })
        for (const operation of operations) {
          for (const whose of operation.hasObject ? ['own', 'foreign'] : ['own']) {
            const answer = await take(caller, operation, objects[whose])
            calls += 1
            const expected =
              whose === 'foreign' && reach !== '*'
                ? 'absent'
                : isIn(operation.permission, role, reach)
                  ? 'let in'
                  : 'forbidden'
            const got = meaning(answer)
            if (got !== expected)
              wrong.push(
                `${role} of ${reach}: ${operation.id} ${whose}: ${got} (${answer.status} ${answer.code}), not ${expected}`,
              )
          }
        }
        caller.close()
      }
      const streams = operations.filter(({ isStream }) => isStream).length
      show(
        'as declared',
        `${calls - wrong.length} of ${calls} calls: ${operations.length - streams} routes and ${streams} WebSockets x ${ROLES.length} roles x some and all stacks x own and foreign`,
        'all',
        wrong.length === 0 && calls > 1500,
      )
      for (const line of wrong.slice(0, 20)) note(line)
      const nobody = new HttpsCaller(daemon, {})
      const open = []
      for (const operation of operations) {
        const { status } = await take(nobody, operation, objects.own)
        if (status !== 401) open.push(`${operation.id} ${status}`)
      }
      show(
        'without a credential',
        `${operations.length - open.length} of ${operations.length} refused`,
        'all',
        open.length === 0,
      )
      const inUrl = await nobody.call('GET', `/v1/whoami?token=${await tokenFor(daemon, 'url', '--role', 'viewer')}`)
      show('a token in the URL', String(inUrl.status), '401', inUrl.status === 401)
      await revoked(daemon, names.own, show)
      nobody.close()
      owner.close()
    } finally {
      for (const name of Object.values(names)) await daemon.ek(['-p', name, 'down', '-v'])
      await daemon.remove()
      folder.remove()
    }
  },
}

const isIn = (permission, role, reach) =>
  (HAS[permission] ?? (reach === '*' ? HAS_WITH_ALL_STACKS[permission] : [])).includes(role)

export async function objectsOf(owner, stack) {
  const { body } = await owner.call('GET', `/v1/stacks/${stack}/deployments`)
  const pull = { model: { name: stack, services: {} }, source: { workingDir: '/', configFiles: [], host: 'proof' } }
  const job = await owner.call('POST', `/v1/stacks/${stack}/pull`, { body: pull })
  return { stack, deployment: body.deployments[0].id, job: job.body.job, volume: `${stack}_data` }
}

export function operationsOf(document) {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      path,
      permission: operation['x-permission'],
      isStream: operation.responses['101'] !== undefined,
      takesBody: operation.requestBody !== undefined,
      hasObject: /^\/v1\/(stacks|deployments|jobs|volumes)\/\{/.test(path),
    })),
  )
}

/** With a body that no route takes, so that who is let in changes nothing. */
export function take(caller, { method, path, isStream, takesBody }, objects) {
  const kind = path.split('/')[2]
  const id = { deployments: objects.deployment, jobs: objects.job }[kind] ?? 'a'.repeat(64)
  const values = {
    stack: objects.stack,
    volume: objects.volume,
    id,
    number: '1',
    container: 'x',
    user: 'nobody',
    token: 'nothing',
    role: 'nothing',
    team: 'nothing',
    secret: 'nothing',
    host: 'nothing.test',
  }
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => values[name])
  return isStream ? caller.connect(filled) : caller.call(method, filled, takesBody ? { body: { nonsense: 1 } } : {})
}

export function meaning({ status, code, body }) {
  if (code === 'forbidden') return 'forbidden'
  const isAbsent = status === 404 && /that you may see|^there is no (deployment|job) /.test(body.detail ?? '')
  return isAbsent ? 'absent' : status === 401 ? 'unknown' : 'let in'
}

/** What takes a right away from the user whose token it is. */
const REVOCATIONS = [
  ['its token was revoked', ({ name }) => ['token', 'rm', name]],
  ['its user left the team', ({ name }) => ['team', 'leave', 'live', name]],
  ['its team got other stacks', () => ['team', 'set', 'live', '--role', 'live', '--stack', 'elsewhere']],
  [
    'the role of its team lost `logs`',
    () => ['role', 'set', 'live', '--permission', 'connect', '--permission', 'read'],
  ],
]
const ROUNDS = 5

/** From the answer to the revocation until the WebSocket has ended. */
async function revoked(daemon, stack, show) {
  const permissions = ['connect', 'read', 'logs'].flatMap((permission) => ['--permission', permission])
  for (const [what, commandOf] of REVOCATIONS) {
    const times = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const name = `live-${REVOCATIONS.findIndex(([other]) => other === what)}-${round}`
      await daemon.must(['role', 'set', 'live', ...permissions])
      await daemon.must(['team', 'set', 'live', '--role', 'live', '--stack', stack])
      await daemon.must(['user', 'set', name])
      await daemon.must(['team', 'join', 'live', name])
      const caller = new HttpsCaller(daemon, { token: await tokenFor(daemon, name, '--user', name) })
      const { status, socket } = await caller.connect(`/v1/stacks/${stack}/logs?follow=true`, { hold: true })
      if (status !== 101) throw new Error(`the WebSocket was answered with ${status}`)
      const closed = new Promise((resolve) => socket.once('close', () => resolve(Date.now())))
      await daemon.must(commandOf({ name }))
      const at = Date.now()
      times.push(Math.max((await closed) - at, 0))
      caller.close()
    }
    show(
      `a live WebSocket after ${what}`,
      `ended within ${Math.max(...times)} ms of the command's end`,
      '<= 2000 ms',
      Math.max(...times) <= 2000,
      `${ROUNDS} rounds`,
    )
  }
}
