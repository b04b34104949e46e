/**
 * A new state in the place of one that is damaged or gone, as far as the labels of the Engine's containers go: names of stacks
 * and services, numbers of revisions, counters. What a stack is meant to be is not in labels, so that each is `blocked`,
 * and nothing of it touched, until it is brought up from its file; what is as the file says then stays as it is.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../../protocol/problems.ts'
import type { ContainerSummary, Engine, VolumeInfo } from '../engine/types.ts'
import type { ServiceState } from '../stack/desired.ts'
import { COMPOSE, OURS } from '../stack/labels.ts'
import { damageOf, setAside, statePath, takeLock } from '../store/database.ts'
import { adoptInstance, INSTANCE_FILE, instanceBeside, openStore } from '../store/store.ts'
import { stamp } from './restore.ts'

export interface RebuiltStack {
  readonly name: string
  readonly revision: number
  readonly services: readonly (ServiceState & { readonly containers: number })[]
  readonly volumes: readonly string[]
}

export interface Rebuilt {
  readonly instance: string
  readonly damage: string
  readonly aside: string | undefined
  readonly stacks: readonly RebuiltStack[]
}

export async function rebuild(stateFolder: string, engine: Engine, now: Date): Promise<Rebuilt> {
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 })
  const lock = takeLock(stateFolder)
  let damage: string
  let aside: string | undefined
  let stacks: readonly RebuiltStack[]
  let instance: string
  try {
    damage = mustBeDamaged(stateFolder)
    // The Engine is asked before anything is moved: without it there is nothing to learn.
    const label = [OURS.instance]
    const [containers, volumes] = await Promise.all([
      engine.containers.list({ all: true, filters: { label } }),
      engine.volumes.list({ filters: { label } }),
    ])
    instance = instanceBeside(stateFolder) ?? onlyInstance(containers, stateFolder)
    stacks = stacksOf(instance, containers, volumes)
    aside = setAside(stateFolder, `damaged-${stamp(now)}`)
  } finally {
    lock.close()
  }
  adoptInstance(stateFolder, instance)
  write(stateFolder, stacks, now)
  return { instance, damage, aside, stacks }
}

function mustBeDamaged(folder: string): string {
  const path = statePath(folder)
  if (!existsSync(path)) return 'the file is not there'
  const damage = damageOf(path)
  if (damage !== undefined) return damage
  throw new Problem('conflict', `the state in ${folder} is not damaged: there is nothing to rebuild`, {
    hint: `start evenkeeld as it is. To rebuild it all the same, move ${path} away first`,
  })
}

function onlyInstance(containers: readonly ContainerSummary[], folder: string): string {
  const known = [...new Set(containers.map(({ Labels }) => Labels[OURS.instance]!))].sort()
  if (known.length === 1) return known[0]!
  throw new Problem(
    'conflict',
    known.length === 0
      ? 'the Engine has no container of any evenkeeld: there is nothing to rebuild from'
      : `the Engine has containers of several daemons, and which one this was is lost: ${known.join(', ')}`,
    {
      hint:
        known.length === 0
          ? `to begin anew, move what is in ${folder} away and start evenkeeld`
          : `write the right one into ${join(folder, INSTANCE_FILE)} and rebuild again`,
    },
  )
}

/** Pure: what can be told from labels. */
export function stacksOf(
  instance: string,
  containers: readonly ContainerSummary[],
  volumes: readonly VolumeInfo[],
): RebuiltStack[] {
  const ours = containers.filter(({ Labels }) => isOurs(Labels, instance) && Labels[COMPOSE.oneOff] !== 'True')
  const ourVolumes = volumes.filter(({ Labels }) => isOurs(Labels ?? {}, instance))
  return [...new Set(ours.map(({ Labels }) => Labels[OURS.stack]!))].sort().map((name) => {
    const own = ours.filter(({ Labels }) => Labels[OURS.stack] === name)
    return {
      name,
      revision: highest(own, OURS.revision),
      services: [...new Set(own.map(({ Labels }) => Labels[OURS.service]!))]
        .sort()
        .map((service) => serviceOf(service, own)),
      volumes: ourVolumes.filter(({ Labels }) => Labels?.[OURS.stack] === name).map(({ Name }) => Name),
    }
  })
}

function isOurs(labels: Readonly<Record<string, string>>, instance: string): boolean {
  return labels[OURS.instance] === instance && labels[OURS.stack] !== undefined
}

function serviceOf(service: string, containers: readonly ContainerSummary[]): RebuiltStack['services'][number] {
  const own = containers.filter(({ Labels }) => Labels[OURS.service] === service)
  const isUp = own.some(({ State }) => State === 'running' || State === 'restarting')
  const isPaused = own.some(({ State }) => State === 'paused')
  return {
    service,
    revision: highest(own, OURS.revision),
    run: isUp ? 'running' : isPaused ? 'paused' : 'stopped',
    scale: undefined,
    recreate: highest(own, OURS.recreate),
    restart: highest(own, OURS.restart),
    outdated: 'replace',
    release: highest(own, OURS.release) || undefined,
    containers: own.length,
  }
}

function highest(containers: readonly ContainerSummary[], label: string): number {
  return Math.max(0, ...containers.map(({ Labels }) => Number(labelNumber(Labels[label]))))
}

/** Anybody can write a label. */
const labelNumber = (text: string | undefined): number =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : 0

function write(stateFolder: string, stacks: readonly RebuiltStack[], now: Date): void {
  const store = openStore(stateFolder)
  try {
    store.transaction(() => {
      for (const { name, revision, services, volumes } of stacks) {
        const reason = 'its definition was lost with the state: bring it up from its file'
        const at = now.toISOString()
        store.stacks.save({
          name,
          presence: 'present',
          revision,
          disabled: [],
          condition: 'blocked',
          reason,
          updatedAt: at,
        })
        for (const { containers: _, ...state } of services) store.stacks.saveService(name, state)
        for (const volume of volumes) store.memory.set(name, 'volume', volume, true)
      }
    })
  } finally {
    store.close()
  }
}

export function rebuildReport({ instance, damage, aside, stacks }: Rebuilt): string {
  const lines = stacks.flatMap(({ name, revision, services, volumes }) => [
    `- ${name}, revision ${revision}: ${services.map(({ service, containers, run }) => `${service} (${containers} container(s), ${run})`).join(', ')}`,
    ...(volumes.length === 0 ? [] : [`  volumes: ${volumes.join(', ')}`]),
  ])
  return [
    `The state was damaged (${damage}).${aside === undefined ? '' : ` It is kept as ${aside}.`}`,
    `Rebuilt from the labels of the Engine's containers, as instance ${instance}: ${stacks.length} stack(s).`,
    ...lines,
    '',
    'Lost: what the stacks are meant to be, their revisions and deployments, events, marks of `volume protect`, and stacks',
    'that were down. Each stack is blocked, and nothing of it touched, until you bring it up from its file: evenkeel up.',
    'Containers that are as the file says stay as they are. If you have a backup: evenkeeld --restore FILE.',
    '',
  ].join('\n')
}
