/** Plays a range of seeds, one after the other, and writes what it finds as JSON lines. Started by run.mjs. */
import { setMaxListeners } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BUGS } from './bugs.ts'
import { installTimers } from './clock.ts'
import { play, wordsOf } from './play.ts'
import { randomSchedule, type Schedule, smaller } from './schedule.ts'
import { sqliteControl } from './sqlite.ts'
import type { World } from './world.ts'

const SHRINK_MS = 20_000

interface Order {
  readonly from: number
  readonly count: number
  readonly failuresLimit: number
  /** As many as go into that time. */
  readonly minutes?: number
  readonly bug?: string
  readonly store?: 'memory' | 'file'
  readonly trace?: boolean
  readonly shrink?: boolean
  /** A schedule to play as it is, in place of those of seeds. */
  readonly schedule?: Schedule
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order
const bug = order.bug === undefined ? undefined : BUGS[order.bug]
const base = order.store === 'file' ? tmpdir() : '/dev/shm'
sqliteControl.store = order.store ?? 'memory'
const folder = mkdtempSync(join(base, 'ek-sim-'))
// All that runs at once listens to the one signal of its run.
setMaxListeners(0)
let inhabited: World | undefined
const inhabit = (world: World | undefined): void => {
  inhabited = world
}
installTimers(() => inhabited?.host)
process.on('unhandledRejection', (error) => inhabited?.thrown('a rejection that nobody handles', error))

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
const now = performance.now.bind(performance)

async function main(): Promise<void> {
  const started = now()
  const cpu = process.cpuUsage()
  let failures = 0
  let simulatedMs = 0
  let deaths = 0
  let runs = 0
  const schedules =
    order.schedule === undefined
      ? Array.from({ length: order.count }, (_, index) => () => randomSchedule(order.from + index))
      : [() => order.schedule!]
  const untilMs = started + (order.minutes ?? Number.POSITIVE_INFINITY) * 60_000
  for (const make of schedules) {
    if (now() > untilMs) break
    const schedule = make()
    say({ at: schedule.seed })
    const played = await play(schedule, { folder, bug, inhabit, trace: order.trace === true })
    runs += 1
    simulatedMs += played.simulatedMs
    deaths += played.lives - 1
    if (order.trace) for (const line of played.trace) process.stderr.write(`${line}\n`)
    if (played.violation !== undefined) {
      failures += 1
      const small = order.shrink === false ? schedule : await shrink(schedule, played.violation.rule)
      const again = await play(small, { folder, bug, inhabit, trace: true })
      say({
        failure: schedule.seed,
        ...(again.violation ?? played.violation),
        schedule: small,
        steps: small.steps.map(wordsOf),
        trace: again.trace.slice(-60),
      })
      if (failures >= order.failuresLimit) break
    }
  }
  say({
    done: runs,
    failures,
    seconds: (now() - started) / 1000,
    cpuSeconds: process.cpuUsage(cpu).user / 1e6,
    simulatedMs,
    deaths,
  })
}

/** Takes away as long as the same rule is broken. */
async function shrink(schedule: Schedule, rule: string): Promise<Schedule> {
  const until = now() + SHRINK_MS
  let best = schedule
  for (;;) {
    let found = false
    for (const candidate of smaller(best)) {
      if (now() > until) return best
      const { violation } = await play(candidate, { folder, bug, inhabit })
      if (violation?.rule !== rule) continue
      best = candidate
      found = true
      break
    }
    if (!found) return best
  }
}

main()
  .catch((error: unknown) => {
    say({ crashed: error instanceof Error ? error.stack : String(error) })
    process.exitCode = 1
  })
  .finally(() => rmSync(folder, { recursive: true, force: true }))
