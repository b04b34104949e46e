/** The simulated Engine keeps the contract that real ones keep; it proves nothing otherwise. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { engineContract } from '../contract/engine-contract.ts'
import { Life, Scheduler, WallClock } from './clock.ts'
import { Faults } from './faults.ts'
import { Machine } from './machine.ts'
import { ENGINE_20, ENGINE_28, type Manners } from './manners.ts'
import { type Program, valuesIn } from './program.ts'
import { Random } from './random.ts'
import { simulatedEngine } from './simulated-engine.ts'

/** What it does not have, and why the simulator can do without. */
const WITHOUT = {
  programs: 'its containers run no programs: what they do stands in their environment (program.ts)',
  logs: 'its programs write nothing, and no decision of the core reads what they write',
  files: 'it has no file systems: what is put into a container is taken and forgotten',
  builds: 'it makes no images: they are there, or at the registry, or nowhere',
  registries: 'its registry is a table of names, which takes nothing and asks for no password',
} as const

for (const [apiVersion, manners] of [
  ['1.51', ENGINE_28],
  ['1.41', ENGINE_20],
] as const) {
  const { engine, run, end } = inRealTime(apiVersion, manners)
  afterAll(end)
  engineContract(`simulated, API ${apiVersion}`, { engine, prepare: async () => run(), without: WITHOUT })
}

/** Its time passes as ours does, from `run` to `end`. */
function inRealTime(apiVersion: string, manners: Manners) {
  const scheduler = new Scheduler()
  const machine = new Machine(scheduler, new WallClock(scheduler), new Random(1), manners)
  labImages(machine)
  const engine = simulatedEngine({
    machine,
    life: new Life(1),
    faults: new Faults(),
    random: new Random(2),
    apiVersion,
    watcher: { calling: () => {}, ended: () => {} },
  })
  const abort = new AbortController()
  const pass = async (): Promise<void> => {
    const began = performance.now()
    while (!abort.signal.aborted) {
      await scheduler.advance(Math.floor(performance.now() - began) - scheduler.nowMs)
      await delay(1)
    }
  }
  let passing: Promise<void> | undefined
  return {
    engine,
    run: () => {
      passing = pass()
    },
    end: async () => {
      abort.abort()
      await passing
    },
  }
}

/** Those of test/lab that the contract uses, as test/lab/images/*.sh behave. */
function labImages(machine: Machine): void {
  const add = (name: string, program: (env: readonly string[]) => Program): void => {
    const id = `sha256:${machine.newId()}`
    machine.images.set(id, { id, volumes: [], entrypoint: [`/lab/${name}.sh`], program })
    machine.tags.set(`ek-lab/${name}:1`, id)
  }
  add('sleep', () => ({ exit: undefined, healthyAfterMs: 0, stopMs: 5, stopCode: 0 }))
  add('job', (env) => {
    const values = valuesIn(env)
    const exit = { code: Number(values.get('EXIT_CODE') ?? 0), afterMs: Number(values.get('SECONDS') ?? 0) * 1000 }
    return { exit, healthyAfterMs: 0, stopMs: 5, stopCode: 143 }
  })
}
