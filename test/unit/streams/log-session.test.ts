import { describe, expect, test } from 'vitest'
import type { ContainerSummary, Engine, EngineEvent, LogsQuery } from '../../../daemon/engine/types.ts'
import type { EngineWatch } from '../../../daemon/reconcile/engine-watch.ts'
import { parseLogsQuery } from '../../../daemon/streams/log-query.ts'
import { LogSession } from '../../../daemon/streams/log-session.ts'
import { Channel } from '../../../protocol/feed.ts'
import { Problem } from '../../../protocol/problems.ts'
import type { LogFrame, LogsQuery as Query } from '../../../protocol/streams.ts'

interface Source {
  readonly service: string
  readonly replica?: number
  readonly lines?: readonly string[]
  readonly error?: Problem
  readonly oneOff?: boolean
}

const stamp = (second: number): string => `2026-01-02T03:04:${String(second).padStart(2, '0')}.000000000Z`
const nameOf = ({ service, replica = 1 }: Source): string => `shop-${service}-${replica}`

const summaryOf = (source: Source): ContainerSummary => ({
  Id: `id-${nameOf(source)}`,
  Names: [`/${nameOf(source)}`],
  Image: 'i',
  ImageID: 'i',
  Command: '',
  Created: 0,
  Labels: {
    'com.docker.compose.service': source.service,
    'com.docker.compose.container-number': String(source.replica ?? 1),
    'com.docker.compose.oneoff': source.oneOff === true ? 'True' : 'False',
  },
  State: 'exited',
  Status: 'Exited (0)',
  Ports: [],
  Mounts: [],
})

/** What a follower gets of these containers, and what the Engine was asked. */
async function replay(sources: readonly Source[], query: Query = {}) {
  const frames: LogFrame[] = []
  const asked: (LogsQuery & { tty: boolean })[] = []
  const engine = {
    containers: {
      inspect: async () => ({ Config: { Tty: false } }),
      logs: async function* (id: string, logs: LogsQuery & { tty: boolean }) {
        asked.push(logs)
        const source = sources.find((candidate) => id === `id-${nameOf(candidate)}`)!
        for (const line of source.lines ?? []) yield { stream: 'stdout', data: Buffer.from(`${line}\n`) }
        if (source.error !== undefined) throw source.error
      },
    },
  } as unknown as Engine
  const watch = { events: new Channel<EngineEvent>(), states: new Channel() } as unknown as EngineWatch
  const session = new LogSession(
    { engine, watch, containers: async () => sources.map(summaryOf), isExpected: () => false },
    parseLogsQuery(query, new Date(stamp(30))),
    { send: async (frame) => void frames.push(frame) },
    new AbortController().signal,
  )
  await session.run()
  return { frames, asked }
}

const namesOf = (frames: readonly LogFrame[]) =>
  frames.flatMap((frame) => (frame.type === 'source' ? [frame.name] : []))

describe('the logs of a stack', () => {
  const web = { service: 'web', lines: [`${stamp(1)} w1`, `${stamp(4)} w4`] }
  const db = { service: 'db', lines: [`${stamp(2)} d2`, `${stamp(3)} d3`, `${stamp(5)} d5`] }

  test('are merged by time', async () => {
    const { frames } = await replay([web, db])
    const lines = frames.flatMap((frame) => (frame.type === 'lines' ? frame.lines.map((line) => line.m) : []))
    expect(lines).toEqual(['w1', 'd2', 'd3', 'w4', 'd5'])
  })

  test('name each container before its first line', async () => {
    const { frames } = await replay([web, db])
    const known = new Set<number>()
    for (const frame of frames) {
      if (frame.type === 'source') known.add(frame.source)
      if (frame.type === 'lines') expect(known.has(frame.source)).toBe(true)
    }
    expect(namesOf(frames)).toEqual(['shop-db-1', 'shop-web-1'])
  })

  test('end with an end', async () => {
    expect((await replay([])).frames).toEqual([{ type: 'end' }])
  })

  test('are of the services that were asked for', async () => {
    expect(namesOf((await replay([web, db], { services: 'db' })).frames)).toEqual(['shop-db-1'])
  })

  test('are of one replica where that was asked for', async () => {
    const second = { ...web, replica: 2 }
    expect(namesOf((await replay([web, second], { index: '2' })).frames)).toEqual(['shop-web-2'])
  })

  test('leave out one-off containers', async () => {
    expect(namesOf((await replay([{ ...web, oneOff: true }])).frames)).toEqual([])
  })

  test('are asked of the Engine with tail, since and until', async () => {
    const { asked } = await replay([web], { tail: '5', since: '1767323041', until: '1767323049' })
    expect(asked).toEqual([
      { tty: false, follow: false, timestamps: true, tail: 5, since: '1767323041', until: '1767323049' },
    ])
  })

  test('say so where those of a container cannot be read, and go on with the others', async () => {
    const error = new Problem('engine-error', 'configured logging driver does not support reading', {
      engine: { call: 'GET /containers/{id}/logs', status: 501 },
    })
    const { frames } = await replay([db, { service: 'web', error }])
    expect(frames).toContainEqual(
      expect.objectContaining({ type: 'gap', reason: 'unreadable', message: error.message }),
    )
    expect(namesOf(frames)).toContain('shop-db-1')
  })

  test('say so where those of a container are gone', async () => {
    const error = new Problem('engine-error', 'No such container', { engine: { call: 'logs', status: 404 } })
    expect((await replay([{ service: 'web', error }])).frames).toMatchObject([
      { type: 'source' },
      { type: 'gap', reason: 'not-kept' },
      { type: 'end' },
    ])
  })
})
