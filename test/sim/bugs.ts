/** Bugs planted on purpose, to show that the simulator finds what it is there to find. */
import type { Engine } from '../../daemon/engine/types.ts'
import type { ContainerWaiter } from '../../daemon/reconcile/container-waiter.ts'
import type { Core } from '../../daemon/reconcile/core.ts'
import type { EngineWatch } from '../../daemon/reconcile/engine-watch.ts'
import type { Observer } from '../../daemon/reconcile/observer.ts'
import { Supervisor } from '../../daemon/reconcile/supervisor.ts'
import type { Store } from '../../daemon/store/store.ts'
import type { Machine } from './machine.ts'

export interface Bug {
  readonly what: string
  readonly engine?: (engine: Engine, machine: Machine) => Engine
  readonly store?: (store: Store) => Store
  readonly waiter?: (waiter: ContainerWaiter) => ContainerWaiter
  readonly observer?: (observer: Observer) => Observer
  readonly start?: (core: Core, watch: EngineWatch) => void
}

const withContainers = (engine: Engine, more: Partial<Engine['containers']>): Engine => ({
  ...engine,
  containers: { ...engine.containers, ...more },
})

export const BUGS: Readonly<Record<string, Bug>> = {
  'rename-skipped': {
    what: 'a container keeps the temporary name of its replacement',
    engine: (engine) => withContainers(engine, { rename: async () => {} }),
  },
  'volume-removed': {
    what: 'the named volumes of a container go with it',
    engine: (engine, machine) =>
      withContainers(engine, {
        remove: async (id, query, options) => {
          const mounts = machine.findContainer(id)?.mounts ?? []
          await engine.containers.remove(id, query, options)
          for (const mount of mounts)
            if (!mount.anonymous && mount.Name !== undefined)
              await engine.volumes.remove(mount.Name, {}).catch(() => {})
        },
      }),
  },
  'policy-kept': {
    what: 'a stop leaves the restart policy as it is, and a restarted Engine starts the container',
    engine: (engine) => withContainers(engine, { updateRestartPolicy: async () => {} }),
  },
  'gates-open': {
    what: 'nothing waits for the health of what it depends on',
    waiter: () => ({ wait: async () => {} }) as unknown as ContainerWaiter,
  },
  'request-forgotten': {
    what: 'what ran when the daemon died is not taken up again',
    store: (store) => {
      const { deployments } = store
      const next = deployments.next.bind(deployments)
      deployments.next = (stack) => {
        const row = next(stack)
        return row?.state === 'running' && row.kind !== 'heal' ? undefined : row
      }
      return store
    },
  },
  'all-is-ours': {
    what: 'containers of others are taken for ours',
    observer: (observer) =>
      ({
        containers: (...parameters: Parameters<Observer['containers']>) => observer.containers(...parameters),
        observe: async (...parameters: Parameters<Observer['observe']>) => {
          const observed = await observer.observe(...parameters)
          return { ...observed, containers: observed.containers.map((c) => ({ ...c, ownership: 'ours' })) }
        },
      }) as unknown as Observer,
  },
  'remains-forgotten': {
    what: 'a container that the Engine died in starting is started again and again',
    store: (store) => {
      const { memory } = store
      const set = memory.set.bind(memory)
      memory.set = (stack, kind, key, value) => {
        if (kind !== 'unstartable') set(stack, kind, key, value)
      }
      return store
    },
  },
  'two-writers': {
    what: 'each stack has two loops',
    start: (core, watch) => new Supervisor(core, watch).start(),
  },
  'always-steady': {
    what: 'a failure is not shown',
    store: (store) => {
      const { stacks } = store
      const setCondition = stacks.setCondition.bind(stacks)
      stacks.setCondition = (name, condition, reason, at) =>
        setCondition(name, condition === 'failed' || condition === 'blocked' ? 'steady' : condition, reason, at)
      return store
    },
  },
}
