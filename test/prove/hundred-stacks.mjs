import { setTimeout as delay } from 'node:timers/promises'
import { LabDaemon, temporaryFolder, until, writeStack } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'
import { numberOf } from './args.mjs'

const STACKS = 100
const SERVICES = 3
/** A network for each stack is more than the Engine's own pools have. */
const subnetOf = (stack) => `10.${200 + Math.floor(stack / 64)}.${(stack % 64) * 4}.0/24`

export const hundredStacks = {
  name: 'hundred-stacks',
  shows:
    '100 stacks of 300 containers: started to converged and idle <= 3 s when nothing is to do; idle < 1 % of a core; <= 120 MiB resident, flat over churn (--minutes N, 5 by default; prints the curve)',
  async run({ engine, show, note, random, args }) {
    const minutes = numberOf(args, '--minutes', 5)
    const folder = temporaryFolder('hundred')
    const daemon = new LabDaemon({ engine, folder: folder.path })
    const stacks = Array.from({ length: STACKS }, (_, index) => `ek-hundred-${index + 1}`)
    const folders = []
    try {
      await daemon.start()
      const from = Date.now()
      for (const [index, name] of stacks.entries()) {
        const own = temporaryFolder('hundred-stack')
        folders.push(own)
        const ipam = { config: [{ subnet: subnetOf(index) }] }
        writeStack(own.path, {
          services: SERVICES,
          service: () => ({ stop_grace_period: '0s', restart: 'unless-stopped' }),
          top: { name, networks: { default: { ipam } } },
        })
        await daemon.must(['up'], { cwd: own.path })
      }
      note(`${STACKS} stacks, ${STACKS * SERVICES} containers made in ${((Date.now() - from) / 1000).toFixed(0)} s`)
      await allSteady(daemon)
      await start(daemon, show)
      await idle(daemon, show)
      await churn({ daemon, engine, show, note, random, stacks, minutes })
    } finally {
      for (const [index, own] of folders.entries()) {
        await daemon.ek(['-p', stacks[index], 'down', '-t', '0'])
        own.remove()
      }
      for (const name of stacks) await sweep(engine, name)
      await daemon.remove()
      folder.remove()
    }
  },
}

function allSteady(daemon) {
  return until(
    'all are steady',
    async () => {
      const stacks = JSON.parse((await daemon.must(['ls', '-a', '--format', 'json'])).stdout)
      const other = stacks.find(({ Condition }) => Condition !== 'steady')
      if (other !== undefined) throw new Error(`${other.Name} is ${other.Condition}: ${other.Reason ?? ''}`)
      return stacks.length === STACKS
    },
    { deadlineMs: 120_000, everyMs: 500 },
  )
}

/** From the start of the process until it has looked at every stack and uses no CPU: the last tenth of a second that it worked. */
async function start(daemon, show) {
  const took = []
  for (let run = 0; run < 3; run += 1) {
    await daemon.stop()
    const from = Date.now()
    const starting = daemon.start()
    let busyUntil = from
    let before = 0
    for (let look = 0; look < 100; look += 1) {
      await delay(100)
      const now = daemon.cpuSeconds()
      if (now - before > 0.02) busyUntil = Date.now()
      before = now
      if (Date.now() - busyUntil > 1500) break
    }
    await starting
    took.push((busyUntil - from) / 1000)
  }
  await allSteady(daemon)
  const worst = Math.max(...took)
  show(
    'start to converged and idle, worst of 3',
    `${worst.toFixed(1)} s`,
    '<= 3 s',
    worst <= 3,
    took.map((s) => s.toFixed(1)).join(', '),
  )
}

async function idle(daemon, show) {
  await delay(10_000)
  const from = daemon.cpuSeconds()
  const seconds = 90
  await delay(seconds * 1000)
  const share = ((daemon.cpuSeconds() - from) / seconds) * 100
  const resident = daemon.status().residentKiB / 1024
  show('idle CPU over 90 s', `${share.toFixed(2)} % of a core`, '< 1 %', share < 1)
  show('resident memory at rest', `${resident.toFixed(1)} MiB`, '<= 120 MiB', resident <= 120)
}

/** Containers are taken away, stacks restarted, all the time; memory is read every five seconds. */
async function churn({ daemon, engine, show, note, random, stacks, minutes }) {
  const end = Date.now() + minutes * 60_000
  const curve = []
  let changes = 0
  const sampling = (async () => {
    while (Date.now() < end) {
      curve.push(daemon.status().residentKiB / 1024)
      await delay(5000)
    }
  })()
  while (Date.now() < end) {
    const name = stacks[Math.floor(random() * stacks.length)]
    const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${name}`] }))
    const [container] = await engineJson(engine, 'GET', `/containers/json?filters=${filters}`)
    if (changes % 4 === 3) await daemon.must(['-p', name, 'restart', '-t', '0'])
    else if (container !== undefined) await engineCall(engine, 'DELETE', `/containers/${container.Id}?force=1`)
    changes += 1
    await delay(500)
  }
  await sampling
  const peak = Math.max(...curve)
  // After the first third, in which it takes what it needs.
  const third = Math.ceil(curve.length / 3)
  const mean = (part) => part.reduce((sum, value) => sum + value, 0) / part.length
  const growth = mean(curve.slice(-third)) - mean(curve.slice(third, -third))
  note(`${changes} changes in ${minutes} min; MiB, the greatest of each minute: ${byMinute(curve).join(' ')}`)
  show('resident memory over the churn, greatest', `${peak.toFixed(1)} MiB`, '<= 120 MiB', peak <= 120)
  show('growth from the second third to the last', `${growth.toFixed(1)} MiB`, '<= 5 MiB', growth <= 5)
  const from = Date.now()
  await allSteady(daemon)
  note(`all were steady ${((Date.now() - from) / 1000).toFixed(0)} s after the last change`)
}

/** Of a value every five seconds. */
function byMinute(curve) {
  const minutes = Array.from({ length: Math.ceil(curve.length / 12) }, (_, at) => curve.slice(at * 12, (at + 1) * 12))
  return minutes.map((values) => Math.max(...values).toFixed(0))
}
