import { setTimeout as delay } from 'node:timers/promises'
import { startDaemon, temporaryFolder, until, writeStack } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'
import { clockOf, numberOf } from './args.mjs'
import { containersOf, difference, whatStaysDifferent } from './many-stacks.mjs'

const STACK = 'ek-kill200'
const SERVICES = 6

/** `--runs N` deployments (200); `--minutes N`: as many of them as go into that time. */
export const killDaemon200 = {
  name: 'kill-daemon-200',
  shows:
    '`kill -9` of the daemon at random in 200 deployments (up, scale, restart, stop and start, down): nothing lost, twice or left over',
  async run({ engine, args, random, show, note }) {
    const wanted = numberOf(args, '--runs', 200)
    const clock = clockOf(args)
    let runs = 0
    await sweep(engine, STACK)
    const folder = temporaryFolder('kill200')
    const daemon = await startDaemon(engine, 'kill200')
    const ground = { engine, daemon, cwd: folder.path }
    const counts = { exact: 0, volumes: 0, known: 0, acknowledged: 0, cut: 0 }
    try {
      await declare(ground, 0)
      const made = await volumeMoments(engine)
      for (let run = 1; run <= wanted && !clock.isOver(); run += 1) {
        runs = run
        const began = performance.now()
        const asked = new Date().toISOString()
        const request = ask(ground, run, random)
        await delay(50 + Math.floor(random() * 1800))
        const isCut = await Promise.race([request.ended.then(() => false), Promise.resolve(true)])
        if (isCut) counts.cut += 1
        await daemon.kill()
        const { stderr } = await request.ended
        await daemon.start()
        // Who was told that it was accepted is not told otherwise later.
        const acknowledged = await history(daemon, asked)
        if (acknowledged.length > 0) {
          counts.acknowledged += 1
          const ended = await until(
            `the deployment that was acknowledged ends (run ${run})`,
            async () => {
              const [one] = await history(daemon, asked)
              return one !== undefined && one.state !== 'queued' && one.state !== 'running' && one
            },
            { deadlineMs: 120_000, everyMs: 100 },
          )
          if (ended.state === 'succeeded') counts.known += 1
          else note(`run ${run}: ${ended.kind} ended as ${ended.state}: ${JSON.stringify(ended.error ?? stderr)}`)
        }
        await declare(ground, run)
        const problem = await whatStaysDifferent(() => whatDiffers(ground, run))
        if (problem === undefined) counts.exact += 1
        else note(`run ${run} (${request.what}): ${problem}`)
        if (JSON.stringify(await volumeMoments(engine)) === JSON.stringify(made)) counts.volumes += 1
        else note(`run ${run} (${request.what}): the volume is not the one that was there`)
        if (run % 20 === 0) note(`${run} of ${wanted}, the last took ${Math.round(performance.now() - began)} ms`)
      }
      const all = (what, count, of = runs) => show(what, `${count} of ${of}`, `${of}`, count === of)
      all('stacks exactly as declared afterwards: no duplicate, no orphan', counts.exact)
      all('the volume is the very one that was there', counts.volumes)
      all('acknowledged requests that were carried out', counts.known, counts.acknowledged)
      note(`${counts.cut} of ${runs} were killed before the client had its answer`)
    } finally {
      await daemon.ek(['-p', STACK, 'down', '-v', '-t', '0'])
      await daemon.remove()
      folder.remove()
    }
  },
}

function write({ cwd }, round) {
  writeStack(cwd, {
    services: SERVICES,
    service: (number) => ({
      environment: { ROUND: String(round) },
      stop_grace_period: '0s',
      restart: 'always',
      ...(number === 1 ? { volumes: ['data:/data'] } : {}),
      ...(number === SERVICES ? { depends_on: ['s1'] } : {}),
    }),
    top: { name: STACK, volumes: { data: {} } },
  })
}

async function declare(ground, round) {
  write(ground, round)
  await ground.daemon.must(['up'], { cwd: ground.cwd })
}

/** What is asked for, in turn; it goes on while the daemon is killed. */
function ask({ daemon, cwd }, run, random) {
  write({ cwd }, `${run}-cut`)
  const kinds = [
    ['up'],
    ['scale', `s${1 + Math.floor(random() * SERVICES)}=3`],
    ['restart', '-t', '0'],
    ['up'],
    ['stop', '-t', '0', `s${1 + Math.floor(random() * SERVICES)}`],
    ['kill', `s${1 + Math.floor(random() * SERVICES)}`],
    ['up', '--force-recreate'],
    ['down', '-t', '0'],
  ]
  const command = kinds[run % kinds.length]
  return { what: command.join(' '), ended: daemon.ek(command, { cwd }) }
}

async function history(daemon, since) {
  const { code, stdout } = await daemon.ek(['-p', STACK, 'history', '--deployments', '--format', 'json'])
  if (code !== 0) return []
  return JSON.parse(stdout).filter(({ kind, createdAt }) => kind !== 'heal' && createdAt > since)
}

async function whatDiffers({ engine, daemon }, round) {
  const different = await difference(engine, daemon, [STACK], SERVICES)
  if (different !== undefined) return different
  for (const { Id, Names } of await containersOf(engine, [STACK])) {
    const { Config } = await engineJson(engine, 'GET', `/containers/${Id}/json`)
    if (!Config.Env.includes(`ROUND=${round}`)) return `${Names[0]} is of an older file`
  }
  return undefined
}

async function volumeMoments(engine) {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))
  const { Volumes } = await engineJson(engine, 'GET', `/volumes?filters=${filters}`)
  return (Volumes ?? []).map(({ Name, CreatedAt }) => [Name, CreatedAt])
}
