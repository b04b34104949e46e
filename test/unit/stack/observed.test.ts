import { describe, expect, test } from 'vitest'
import type { ContainerSummary } from '../../../daemon/engine/types.ts'
import {
  exitCodeOf,
  healthOf,
  observeContainer,
  observeVolume,
  publishedPorts,
} from '../../../daemon/stack/observed.ts'

const summary = (parts: Partial<ContainerSummary> = {}): ContainerSummary => ({
  Id: 'abcdef0123456789',
  Names: ['/shop-web-1'],
  Image: 'web:1',
  ImageID: 'sha256:web',
  Command: 'run',
  Created: 1,
  Labels: {},
  State: 'running',
  Status: 'Up 5 minutes',
  Ports: [],
  Mounts: [],
  ...parts,
})

test.each([
  ['Up 5 minutes', 'none'],
  ['Up 5 minutes (healthy)', 'healthy'],
  ['Up 5 minutes (unhealthy)', 'unhealthy'],
  ['Up 2 seconds (health: starting)', 'starting'],
  ['Exited (1) 2 hours ago', 'none'],
])('the health in "%s" is %s', (status, health) => {
  expect(healthOf(status)).toBe(health)
})

test.each([
  ['Exited (137) 2 hours ago', 137],
  ['Exited (0) Less than a second ago', 0],
  ['Restarting (3) 4 seconds ago', 3],
  ['Up 5 minutes', undefined],
  ['Created', undefined],
])('the exit code in "%s" is %s', (status, code) => {
  expect(exitCodeOf(status)).toBe(code)
})

describe('a container', () => {
  test('is ours by the label of this daemon alone, whatever its name', () => {
    const labels = { 'dev.evenkeel.instance': 'me' }
    expect(observeContainer(summary({ Labels: labels }), 'me').ownership).toBe('ours')
    expect(observeContainer(summary({ Labels: labels }), 'another daemon').ownership).toBe('foreign')
    expect(observeContainer(summary(), 'me').ownership).toBe('foreign')
  })

  test('is known by its labels: service, replica, revision, spec, counters', () => {
    const Labels = {
      'com.docker.compose.service': 'web',
      'com.docker.compose.container-number': '3',
      'dev.evenkeel.revision': '7',
      'dev.evenkeel.spec': 'hash',
      'dev.evenkeel.recreate': '1',
      'dev.evenkeel.restart': '2',
    }
    expect(observeContainer(summary({ Labels }), 'me')).toMatchObject({
      service: 'web',
      replica: 3,
      revision: 7,
      specHash: 'hash',
      recreate: 1,
      restart: 2,
      oneOff: false,
    })
  })

  test('is a one-off where Compose says True', () => {
    expect(observeContainer(summary({ Labels: { 'com.docker.compose.oneoff': 'True' } }), 'me').oneOff).toBe(true)
  })

  test('has its name without the slash', () => {
    expect(observeContainer(summary(), 'me').name).toBe('shop-web-1')
  })

  test('has as anonymous volumes those with a name that the Engine made up', () => {
    const made = 'a'.repeat(64)
    const Mounts = [
      { Type: 'volume', Name: made, Destination: '/anonymous' },
      { Type: 'volume', Name: 'shop_data', Destination: '/named' },
      { Type: 'bind', Source: '/a', Destination: '/bound' },
    ]
    expect(observeContainer(summary({ Mounts }), 'me').anonymousVolumes).toEqual({ '/anonymous': made })
  })
})

test('a volume has a key only in the project that made it', () => {
  const volume = (project: string) => ({
    Name: 'v',
    Driver: 'local',
    Mountpoint: '',
    Labels: { 'com.docker.compose.project': project, 'com.docker.compose.volume': 'data' },
    Options: null,
    Scope: 'local',
  })
  expect(observeVolume(volume('shop'), 'me', 'shop').key).toBe('data')
  expect(observeVolume(volume('other'), 'me', 'shop')).toMatchObject({ project: 'other', key: undefined })
})

test('ports that are merely exposed are not published', () => {
  const Ports = [
    { PrivatePort: 80, Type: 'tcp' },
    { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
  ]
  expect(publishedPorts([summary({ Ports })])).toEqual([
    { containerId: 'abcdef0123456789', containerName: 'shop-web-1', ip: '::', port: 8080, protocol: 'tcp' },
  ])
})
