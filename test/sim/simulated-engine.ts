/**
 * The Docker Engine API over a simulated machine: each call takes a moment, can fail before or after its effect, hang, or
 * be the last thing that its daemon did. One of these belongs to one life of the daemon.
 */
import type { CallOptions, Engine } from '../../daemon/engine/types.ts'
import { Problem } from '../../protocol/problems.ts'
import {
  inspectContainer,
  inspectImage,
  inspectVolume,
  listContainers,
  listImages,
  listNetworks,
  listVolumes,
  networkInfo,
  volumeInfo,
} from './answers.ts'
import type { EngineCall } from './faults.ts'
import type { Machine } from './machine.ts'
import { Refusal } from './refusal.ts'
import { isUp, type SimulatedContainer } from './simulated-objects.ts'
import { ADDRESS, type Answer, type Effect, type SimulatedEngineParts, Wire } from './wire.ts'

const CALL_MS = 60_000
const LONG_MS = 10 * 60_000
/** The target of a call that is about nothing in particular. */
const ALL = '*'

type How = Partial<Pick<EngineCall, 'locks' | 'labels'>> & { readonly limitMs?: number }

export function simulatedEngine(parts: SimulatedEngineParts): Engine {
  const { machine, life } = parts
  const wire = new Wire(parts)
  const look = <T>(
    name: string,
    target: string,
    http: string,
    read: () => T,
    options?: CallOptions,
    locks = false,
  ): Promise<T> =>
    wire.call<T>({ name, kind: 'look', target, http, locks }, (answer) => answer(read()), options, CALL_MS)
  const change = <T>(
    name: string,
    target: string,
    http: string,
    effect: Effect<T>,
    options?: CallOptions,
    { limitMs = CALL_MS, locks = false, labels }: How = {},
  ): Promise<T> => wire.call<T>({ name, kind: 'change', target, http, locks, labels }, effect, options, limitMs)
  /** A change of a container, at once. */
  const act = <T>(
    name: string,
    id: string,
    run: (container: SimulatedContainer, answer: Answer<T>, ...how: Rest<Effect<T>>) => void,
    options?: CallOptions,
    limitMs?: number,
  ): Promise<T> =>
    change<T>(
      name,
      id,
      `POST /containers/${id}/${name}`,
      (answer, actor, fail) => run(machine.container(id), answer, actor, fail),
      options,
      { locks: true, limitMs: limitMs ?? CALL_MS },
    )
  const version = {
    version: '28.3.3',
    apiVersion: parts.apiVersion,
    minApiVersion: '1.24',
    negotiated: parts.apiVersion,
    os: 'linux',
    arch: 'amd64',
  }
  const execs = new Map<string, string>()

  return {
    address: ADDRESS,
    version: async () => version,
    atLeast: async (api) => Number(parts.apiVersion.split('.')[1]) >= Number(api.split('.')[1]),
    ping: (options) => look('ping', ALL, 'GET /_ping', () => undefined, options),
    info: (options) => look('info', ALL, 'GET /info', () => ({ ServerVersion: version.version }), options),
    async *events(query, options) {
      await look('events', ALL, 'GET /events', () => undefined, options)
      for await (const event of machine.events.subscribe(query, options?.signal)) {
        if (!life.alive) return
        yield event
      }
    },
    containers: {
      list: ({ all, filters }, options) =>
        look('list', ALL, 'GET /containers/json', () => listContainers(machine, all === true, filters ?? {}), options),
      inspect: (id, options) =>
        look(
          'inspect',
          id,
          `GET /containers/${id}/json`,
          () => inspectContainer(machine, machine.container(id)),
          options,
          true,
        ),
      create: ({ name }, body, options) =>
        change(
          'create',
          name,
          'POST /containers/create',
          (answer) => answer({ Id: machine.create(name, body).id, Warnings: null }),
          options,
          { labels: body.Labels ?? {} },
        ),
      start: (id, options) =>
        act<boolean>(
          'start',
          id,
          (container, answer, actor) => answer(machine.start(container, actor)),
          options,
          LONG_MS,
        ),
      stop: (id, { graceSeconds }, options) =>
        act<boolean>(
          'stop',
          id,
          (container, answer, actor) => machine.stop(container, graceSeconds, actor, answer),
          options,
          LONG_MS,
        ),
      kill: (id, signal, options) =>
        act<void>('kill', id, (container, answer, actor) => machine.kill(container, signal, actor, answer), options),
      restart: (id, { graceSeconds }, options) =>
        act<void>(
          'restart',
          id,
          (container, answer, actor, fail) =>
            machine.restart(container, graceSeconds, actor, (error) => (error === undefined ? answer() : fail(error))),
          options,
          LONG_MS,
        ),
      pause: (id, options) => act<void>('pause', id, (container, answer) => answer(machine.pause(container)), options),
      unpause: (id, options) =>
        act<void>('unpause', id, (container, answer) => answer(machine.unpause(container)), options),
      rename: (id, name, options) =>
        act<void>('rename', id, (container, answer) => answer(machine.rename(container, name)), options),
      remove: (id, { force, volumes }, options) =>
        change<void>(
          volumes === 'anonymous' ? 'remove-with-volumes' : 'remove',
          id,
          `DELETE /containers/${id}`,
          (answer, actor, fail) =>
            machine.remove(
              machine.container(id),
              { force: force === true, volumes: volumes === 'anonymous' },
              actor,
              answer,
              fail,
            ),
          options,
          { locks: true, limitMs: LONG_MS },
        ),
      wait: (id, condition, { onListening, ...options } = {}) =>
        wire.call(
          { name: 'wait', kind: 'look', target: id, http: `POST /containers/${id}/wait`, locks: false },
          (answer) => {
            waitFor(machine, machine.container(id), condition, answer)
            onListening?.()
          },
          options,
          undefined,
        ),
      updateRestartPolicy: (id, policy, options) =>
        act<void>('update', id, (container, answer) => answer(machine.updatePolicy(container, policy)), options),
      async *logs() {},
      attach: () => unsupported('attach'),
      resize: () => unsupported('resize'),
      getArchive: () => unsupported('archive'),
      readArchive: () => unsupported('archive'),
      writeArchive: () => unsupported('archive'),
      statPath: () => unsupported('archive'),
      putArchive: (id, _query, _tar, options) =>
        change<void>(
          'archive',
          id,
          `PUT /containers/${id}/archive`,
          (answer) => answer(void machine.container(id)),
          options,
        ),
      top: () => unsupported('top'),
      async *stats() {},
      export: () => unsupported('export'),
      commit: () => unsupported('commit'),
    },
    exec: {
      create: (containerId, _body, options) =>
        change(
          'exec.create',
          containerId,
          `POST /containers/${containerId}/exec`,
          (answer) => {
            const container = machine.container(containerId)
            if (container.state !== 'running') throw new Refusal(409, `container ${container.id} is not running`)
            const id = machine.newId()
            execs.set(id, container.id)
            answer({ Id: id })
          },
          options,
        ),
      startDetached: (id, options) =>
        change<void>('exec.start', execs.get(id) ?? id, `POST /exec/${id}/start`, (answer) => answer(), options),
      start: async (id, _query, options) => {
        await change<void>('exec.start', execs.get(id) ?? id, `POST /exec/${id}/start`, (answer) => answer(), options)
        const nothing = async function* () {}
        return { input: { end: () => {} } as never, output: nothing(), chunks: nothing(), close: () => {} }
      },
      resize: async () => {},
      inspect: (id, options) =>
        look(
          'exec.inspect',
          id,
          `GET /exec/${id}/json`,
          () => {
            const ContainerID = execs.get(id)
            if (ContainerID === undefined) throw new Refusal(404, `No such exec instance: ${id}`)
            return { ID: id, Running: false, ExitCode: 0, Pid: 0, ContainerID }
          },
          options,
        ),
    },
    images: {
      list: ({ filters }, options) =>
        look('images.list', ALL, 'GET /images/json', () => listImages(machine, filters ?? {}), options),
      inspect: (reference, options) =>
        look(
          'images.inspect',
          reference,
          `GET /images/${reference}/json`,
          () => inspectImage(machine, reference),
          options,
        ),
      async *pull({ reference }, options) {
        await change<void>(
          'images.pull',
          reference,
          'POST /images/create',
          (answer) => {
            const id = machine.registry.get(reference)
            if (id === undefined)
              throw new Problem('image-missing', `manifest for ${reference} not found: manifest unknown`)
            machine.tags.set(reference, id)
            machine.images.set(id, machine.images.get(id) ?? { id, volumes: [] })
            answer()
          },
          options,
          { limitMs: LONG_MS },
        )
        yield { status: `Status: Downloaded newer image for ${reference}` }
      },
      async *push() {},
      tag: (source, { repo, tag }, options) =>
        change<void>(
          'images.tag',
          source,
          `POST /images/${source}/tag`,
          (answer) => {
            const id = machine.tags.get(source) ?? source
            if (!machine.images.has(id)) throw new Refusal(404, `No such image: ${source}`)
            machine.tags.set(`${repo}:${tag}`, id)
            answer()
          },
          options,
        ),
      remove: (reference, _query, options) =>
        change<void>(
          'images.remove',
          reference,
          `DELETE /images/${reference}`,
          (answer) => answer(removeImage(machine, reference)),
          options,
        ),
      async *build() {},
      async *load() {},
      importRootfs: () => unsupported('import'),
    },
    networks: {
      list: ({ filters }, options) =>
        look('networks.list', ALL, 'GET /networks', () => listNetworks(machine, filters ?? {}), options),
      inspect: (id, options) =>
        look(
          'networks.inspect',
          id,
          `GET /networks/${id}`,
          () => networkInfo(machine, machine.networks.get(id)),
          options,
        ),
      create: (body, options) =>
        change(
          'networks.create',
          body.Name,
          'POST /networks/create',
          (answer) => {
            // Before API 1.44 the Engine looks for the name only when told to.
            const mayBeTwice = Number(parts.apiVersion.split('.')[1]) < 44 && body.CheckDuplicate !== true
            const { id } = machine.networks.add(body.Name, body.Labels ?? {}, {
              internal: body.Internal === true,
              name: mayBeTwice ? 'any' : 'unique',
            })
            answer({ Id: id })
          },
          options,
          { labels: body.Labels ?? {} },
        ),
      remove: (id, options) =>
        change<void>(
          'networks.remove',
          id,
          `DELETE /networks/${id}`,
          (answer) => answer(machine.networks.remove(id)),
          options,
        ),
      connect: (id, container, endpoint, options) =>
        change<void>(
          'networks.connect',
          container,
          `POST /networks/${id}/connect`,
          (answer) => answer(machine.networks.connect(id, machine.container(container), endpoint)),
          options,
          { locks: true },
        ),
      disconnect: (id, container, _query, options) =>
        change<void>(
          'networks.disconnect',
          container,
          `POST /networks/${id}/disconnect`,
          (answer) => answer(machine.networks.disconnect(id, machine.container(container))),
          options,
          { locks: true },
        ),
    },
    volumes: {
      list: ({ filters }, options) =>
        look('volumes.list', ALL, 'GET /volumes', () => listVolumes(machine, filters ?? {}), options),
      inspect: (name, options) =>
        look('volumes.inspect', name, `GET /volumes/${name}`, () => inspectVolume(machine, name), options),
      create: (body, options) =>
        change(
          'volumes.create',
          body.Name,
          'POST /volumes/create',
          (answer) => answer(volumeInfo(machine.volumes.add(body.Name, body.Labels ?? {}))),
          options,
          { labels: body.Labels ?? {} },
        ),
      sizes: () => unsupported('volumes.sizes'),
      remove: (name, { force }, options) =>
        change<void>(
          'volumes.remove',
          name,
          `DELETE /volumes/${name}`,
          (answer, actor) => {
            if (force !== true || machine.volumes.has(name)) machine.volumes.remove(name, actor)
            answer()
          },
          options,
        ),
    },
    upgrade: () => unsupported('upgrade'),
    close: async () => {},
  }
}

type Rest<F extends (...parameters: never[]) => unknown> = Parameters<F> extends [unknown, ...infer R] ? R : never

function unsupported(what: string): Promise<never> {
  return Promise.reject(new Problem('unsupported', `the simulated Engine has no ${what}`))
}

function waitFor(
  machine: Machine,
  container: SimulatedContainer,
  condition: 'not-running' | 'next-exit' | 'removed',
  answer: Answer<{ StatusCode: number }>,
): void {
  const exits = container.exits
  const isOver = (): boolean => {
    if (!machine.containers.has(container.id)) return true
    if (condition === 'removed') return false
    return condition === 'next-exit' ? container.exits > exits : !isUp(container)
  }
  const lookAgain = (): void => {
    if (isOver()) answer({ StatusCode: container.exitCode })
    else machine.scheduler.after(50, lookAgain)
  }
  lookAgain()
}

function removeImage(machine: Machine, reference: string): void {
  const id = machine.tags.get(reference)
  if (id === undefined) throw new Refusal(404, `No such image: ${reference}`)
  if ([...machine.containers.values()].some((container) => container.imageId === id))
    throw new Refusal(409, `conflict: unable to remove repository reference "${reference}"`)
  machine.tags.delete(reference)
  if (![...machine.tags.values()].includes(id)) machine.images.delete(id)
}
