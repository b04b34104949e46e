import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder, runProgram, temporaryFolder } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { HttpsCaller, startHttpsDaemon, tokenFor } from '../lab/https-daemon.mjs'
import { wordOf } from './args.mjs'
import { CALLER_CASES } from './attacks/callers.mjs'
import { FIELD_CASES } from './attacks/fields.mjs'
import { POLICY_CASES } from './attacks/policy.mjs'
import { SURROUNDING_CASES } from './attacks/surroundings.mjs'

const client = join(projectFolder, 'dist/bin/ek')

/** Of demands-and-attacks, in its order. */
const CASES = [...FIELD_CASES, ...POLICY_CASES, ...CALLER_CASES, ...SURROUNDING_CASES].sort(
  (one, other) => Number(one.id.slice(1)) - Number(other.id.slice(1)),
)

export const attacks = {
  name: 'attacks',
  shows: 'the attack table A1-A15, tried on a running daemon: case, tries, result (--case A5 for one alone)',
  async run({ engine, show, note, args }) {
    const only = wordOf(args, '--case')
    const ground = await prepare(engine, note)
    const rows = []
    try {
      for (const { id, what, attack } of CASES.filter(({ id }) => only === undefined || id === only)) {
        const tried = new Tries()
        await attack(ground, tried).catch((error) => tried.wrong(`it ended with ${error.message.slice(0, 300)}`))
        const result = tried.wrongs.length === 0 ? tried.result : `${tried.wrongs.length} went wrong`
        rows.push([id, what, String(tried.count), result])
        show(
          `${id} ${what}`,
          `${tried.count} tries: ${result}`,
          'all as ruled',
          tried.count > 0 && tried.wrongs.length === 0,
        )
        for (const line of tried.wrongs.slice(0, 8)) note(line)
        for (const line of tried.notes) note(line)
      }
      const alive = await ground.daemon.ek(['version'])
      show('the daemon afterwards', alive.code === 0 ? 'answers' : alive.stderr, 'answers', alive.code === 0)
      for (const row of rows) note(`| ${row.join(' | ')} |`)
    } finally {
      await ground.remove()
    }
  },
}

/** What was tried of one case, and what of it did not go as it is to go. */
class Tries {
  count = 0
  wrongs = []
  notes = []
  result = 'refused'

  /** One try: `isRight` says whether it went as ruled. */
  see(what, isRight) {
    this.count += 1
    if (!isRight) this.wrong(what)
  }

  wrong(what) {
    this.wrongs.push(what)
  }

  tell(result) {
    this.result = result
  }
}

/** A daemon over HTTPS with two stacks: one of the attacker, a developer, and one of others. */
async function prepare(engine, note) {
  const daemon = await startHttpsDaemon(engine, 'attacks')
  const folder = temporaryFolder('attacks')
  const own = `ekattack-${process.pid}`
  const foreign = `ekattacked-${process.pid}`
  const stacks = new Set([own, foreign])
  const token = await tokenFor(daemon, 'attacker', '--role', 'developer', '--stack', own)
  const developer = new HttpsCaller(daemon, { token })
  const owner = new HttpsCaller(daemon, { token: await tokenFor(daemon, 'boss', '--role', 'owner') })
  const nobody = new HttpsCaller(daemon, {})
  const source = { workingDir: '/srv', configFiles: ['/srv/compose.yaml'], host: 'attacker' }
  const model = (service = {}, top = {}, name = own) => ({
    name,
    services: { web: { image: 'ek-lab/sleep:1', stop_grace_period: '0s', ...service } },
    ...top,
  })
  const ground = {
    engine,
    daemon,
    folder: folder.path,
    own,
    foreign,
    stacks,
    developer,
    owner,
    nobody,
    source,
    model,
    note,
    token,
    api: (path) => engineJson(engine, 'GET', path),
    /** Brings a model up as `caller`, and waits for it. */
    async up(caller, body) {
      stacks.add(body.name)
      const answer = await caller.call('PUT', `/v1/stacks/${body.name}`, { body: { model: body, source } })
      if (answer.status === 202) await caller.call('GET', `/v1/deployments/${answer.body.deployment}?waitMs=30000`)
      return answer
    },
    /** The client, as the attacker has it, with a stack file if one is given. */
    async ek(args, { files = {}, environment = {} } = {}) {
      const cwd = join(folder.path, `client-${Math.random().toString(36).slice(2)}`)
      mkdirSync(cwd)
      for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text)
      const env = {
        ...process.env,
        EVENKEEL_HOST: `https://${daemon.host}:${daemon.port}`,
        EVENKEEL_TLS_CA: daemon.authority,
        EVENKEEL_TOKEN: token,
        EVENKEEL_CONTEXT: '',
        NO_COLOR: '1',
        ...environment,
      }
      return runProgram(client, args, { cwd, env, timeoutMs: 60_000 })
    },
    async remove() {
      for (const caller of [developer, owner, nobody]) caller.close()
      for (const name of stacks) await daemon.ek(['-p', name, 'down', '-v', '-t', '0'])
      await daemon.remove()
      folder.remove()
    },
  }
  for (const name of [own, foreign]) {
    const volumes = ['data:/data']
    await ground.up(owner, model({ volumes }, { volumes: { data: { name: `${name}_data` } } }, name))
  }
  return ground
}
