/** Requests that the ingress brings to one stack, as they happen. */
import { Problem } from '../../protocol/problems.ts'
import type { AccessEntry, AccessFrame, AccessQuery } from '../../protocol/streams.ts'
import type { ContainerSummary } from '../engine/types.ts'
import type { Core } from '../reconcile/core.ts'
import { containerName } from '../stack/container-name.ts'
import { servicesOf } from '../streams/log-query.ts'
import type { FrameSocket } from './frame-socket.ts'

/** Requests kept for a follower that is slow. Beyond, it is told how many it missed. */
const QUEUE_LIMIT = 10_000
const BATCH = 200

/** Of a stack, as they happen; `missed`: some were. `container` of an entry is the first 12 digits of its id. */
interface Requests {
  follow(stack: string, receiver: (news: News) => void): Promise<() => void>
}

type News = { readonly entry: AccessEntry } | { readonly missed: string }

export async function followAccess(
  { store, ingress, observer }: Pick<Core, 'store' | 'ingress' | 'observer'>,
  access: Requests | undefined,
  stack: string,
  query: AccessQuery,
  socket: FrameSocket,
): Promise<void> {
  const { reach } = ingress
  if (access === undefined || reach.kind === 'none')
    throw new Problem('unsupported', `there is no ingress here${reach.kind === 'none' ? `: ${reach.why}` : ''}`)
  const services = servicesOf(query.services)
  const there = Object.keys(store.memory.all(stack, 'published'))
  const missing = services.find((service) => !there.includes(service))
  if (there.length === 0 || missing !== undefined)
    throw new Problem(
      'conflict',
      `the ingress has nothing of ${missing === undefined ? stack : `service ${missing}`}`,
      {
        hint: 'what it is to have needs x-evenkeel.routes, or ports with order: start-first, and is to run',
      },
    )
  let queue: AccessEntry[] = []
  let missed = 0
  let why: string | undefined
  let wake = (): void => {}
  const send = (frame: AccessFrame): Promise<void> => socket.send(frame)
  const leave = await access.follow(stack, (news) => {
    if ('missed' in news) why = news.missed
    else if (services.length > 0 && !services.includes(news.entry.service)) return
    else if (queue.length >= QUEUE_LIMIT) missed += 1
    else queue.push(news.entry)
    wake()
  })
  socket.signal.addEventListener('abort', () => wake(), { once: true })
  try {
    await send({ type: 'live' })
    let known: ReadonlyMap<string, string> = new Map()
    while (!socket.signal.aborted) {
      const batch = queue.slice(0, BATCH)
      queue = queue.slice(BATCH)
      if (batch.some(({ container }) => container !== undefined && !known.has(container))) {
        // Requests go on while the Engine is away, and are told by ids.
        const there = await observer.containers(stack, socket.signal).catch(() => [])
        // Of those that have gone, too: they are not asked for again with each request.
        const told = batch.flatMap(({ container }): [string, string][] => (container ? [[container, container]] : []))
        known = new Map([...told, ...there.map((one): [string, string] => [shortId(one), containerName(one)])])
      }
      const named = batch.map((entry) => ({ ...entry, ...called(entry, known) }))
      if (named.length > 0) await send({ type: 'requests', requests: named })
      if (missed > 0 && queue.length === 0) {
        const message = `${missed} requests were missed: they came faster than they were taken`
        await send({ type: 'gap', reason: 'slow-follower', lines: missed, message })
        missed = 0
      }
      if (why !== undefined) {
        const message = why
        why = undefined
        await send({ type: 'gap', reason: 'unreadable', message })
      }
      if (queue.length > 0) continue
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  } finally {
    leave()
  }
}

/** By its name; one that is gone already by its id. */
const called = ({ container }: AccessEntry, names: ReadonlyMap<string, string>): Pick<AccessEntry, 'container'> =>
  container === undefined ? {} : { container: names.get(container) ?? container }

const shortId = ({ Id }: ContainerSummary): string => Id.slice(0, 12)
