/** What people and other tools do to the machine, past the daemon. */
import { COMPOSE, OURS } from '../../daemon/stack/labels.ts'
import { composeHash } from '../../daemon/stack/mapping/compose-hash.ts'
import { EXTERNAL_NETWORK, EXTERNAL_VOLUME, modelOf, networkNames, type SimulatedModel } from './models.ts'
import { Refusal } from './refusal.ts'
import type { HandAction, Step } from './schedule.ts'
import type { World } from './world.ts'

/** What is on the machine before us, and must be there after us. */
export function bystanders({ machine }: World): void {
  for (const tag of ['app:1', 'app:2', 'app:data']) {
    const id = `sha256:${machine.newId()}`
    machine.images.set(id, { id, volumes: tag === 'app:data' ? ['/var/lib/data'] : [] })
    machine.tags.set(tag, id)
  }
  machine.registry.set('remote:1', `sha256:${machine.newId()}`)
  machine.networks.add(EXTERNAL_NETWORK, {})
  machine.volumes.add(EXTERNAL_VOLUME, {})
  machine.volumes.add('foreign-vol', { [COMPOSE.project]: 'other', [COMPOSE.volume]: 'vol' })
  machine.start(machine.create('lonely', { Image: 'app:1' }), 'hand')
  // Compose made this one for the same project: an orphan, as long as nobody says --remove-orphans.
  const labels = {
    [COMPOSE.project]: 'shop',
    [COMPOSE.service]: 'zz',
    [COMPOSE.number]: '1',
    [COMPOSE.oneOff]: 'False',
  }
  machine.start(machine.create('shop-zz-1', { Image: 'app:1', Labels: labels }), 'hand')
}

/** What `docker compose up -d` makes of a model. */
export function composeUp({ machine }: World, stack: string, simulated: SimulatedModel): void {
  const model = modelOf(stack, simulated)
  const project = { [COMPOSE.project]: stack }
  for (const [key, network] of Object.entries(model.networks ?? {})) {
    if (network?.external !== true) machine.networks.add(network!.name, { ...project, [COMPOSE.network]: key })
  }
  for (const [key, volume] of Object.entries(model.volumes ?? {})) {
    if (volume?.external !== true) machine.volumes.add(volume!.name, { ...project, [COMPOSE.volume]: key })
  }
  for (const [service, spec] of Object.entries(simulated.services)) {
    const declared = model.services[service]!
    const [first, ...others] = networkNames(stack, spec)
    const [policy = 'no', retries = '0'] = (spec.restart ?? 'no').split(':')
    const mounts = [
      ...(spec.volume ? [{ Type: 'volume', Source: `${stack}_data`, Target: '/data' }] : []),
      ...(spec.externalVolume ? [{ Type: 'volume', Source: EXTERNAL_VOLUME, Target: '/ext' }] : []),
      ...(spec.anonymous ? [{ Type: 'volume', Target: '/cache' }] : []),
    ]
    for (let replica = 1; replica <= (spec.replicas ?? 1); replica += 1) {
      const container = machine.create(
        spec.fixedName ? `${stack}-fixed-${service}` : `${stack}-${service}-${replica}`,
        {
          Image: declared.image!,
          Env: Object.entries(declared.environment ?? {}).map(([key, value]) => `${key}=${value}`),
          Labels: {
            ...project,
            [COMPOSE.service]: service,
            [COMPOSE.number]: String(replica),
            [COMPOSE.oneOff]: 'False',
            [COMPOSE.configHash]: composeHash(declared, () => undefined),
          },
          ...(spec.health === undefined ? {} : { Healthcheck: { Test: ['CMD', 'true'] } }),
          HostConfig: {
            NetworkMode: first,
            RestartPolicy: { Name: policy, MaximumRetryCount: Number(retries) },
            Mounts: mounts,
            ...(spec.port === undefined
              ? {}
              : { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: String(spec.port) }] } }),
          },
        },
      )
      for (const network of others) machine.networks.connect(network, container, {})
      machine.start(container, 'hand')
    }
  }
}

export function handStep(world: World, step: Extract<Step, { do: 'hand' }>): void {
  if (!world.machine.up) return
  try {
    act(world, step)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    world.note(`by hand: ${error.message}`)
  }
}

function act(world: World, { what, stack, pick }: { what: HandAction; stack: string; pick: number }): void {
  const { machine } = world
  if (what === 'remove-network') {
    machine.networks.remove(`${stack}_default`)
    return
  }
  if (what === 'lose-volume') {
    loseVolume(world, `${stack}_data`)
    return
  }
  const ours = [...machine.containers.values()].filter(
    (container) => container.labels[COMPOSE.project] === stack && world.isOurs(container),
  )
  const container = ours[pick % Math.max(1, ours.length)]
  if (container === undefined) return
  world.note(`by hand: ${what} ${container.name}`)
  switch (what) {
    case 'remove':
      machine.remove(container, { force: true, volumes: false }, 'hand', () => {})
      return
    case 'stop':
      machine.stop(container, undefined, 'hand', () => {})
      return
    case 'kill':
      machine.kill(container, 'KILL', 'hand')
      return
    case 'crash':
      machine.crash(container, pick % 3 === 0 ? 0 : 1)
      return
    case 'rename':
      machine.rename(container, pick % 2 === 0 ? `${container.name}-moved` : `${stack}-a-${1 + (pick % 4)}`)
      return
    case 'pause':
      machine.pause(container)
      return
    case 'start':
      machine.start(container, 'hand')
      return
  }
}

function loseVolume({ machine }: World, name: string): void {
  for (const container of [...machine.containers.values()]) {
    if (!container.mounts.some((mount) => mount.Name === name)) continue
    machine.remove(container, { force: true, volumes: false }, 'hand', () => {
      try {
        machine.volumes.remove(name, 'hand')
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        // Another one uses it still.
      }
    })
  }
}

export function foreignStep(world: World, what: Extract<Step, { do: 'foreign' }>['what']): void {
  const { machine } = world
  if (!machine.up) return
  try {
    switch (what) {
      case 'take-port': {
        const HostConfig = { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } }
        machine.start(machine.create('port-taker', { Image: 'app:1', HostConfig }), 'hand')
        return
      }
      case 'attach':
        if (machine.networks.find('shop_default') === undefined) return
        machine.start(machine.create('guest', { Image: 'app:1', HostConfig: { NetworkMode: 'shop_default' } }), 'hand')
        return
      case 'take-name':
        machine.create('shop-b-1', { Image: 'app:1' })
        return
      case 'free-port':
        removeByHand(world, 'port-taker')
        return
      case 'detach':
        removeByHand(world, 'guest')
        return
      case 'free-name':
        if (machine.findContainer('shop-b-1')?.labels[OURS.instance] === undefined) removeByHand(world, 'shop-b-1')
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    world.note(`somebody else: ${error.message}`)
  }
}

function removeByHand({ machine }: World, name: string): void {
  const container = machine.findContainer(name)
  if (container !== undefined) machine.remove(container, { force: true, volumes: true }, 'hand', () => {})
}
