import { describe, expect, test } from 'vitest'
import { containerCreate } from '../../../daemon/stack/mapping/container.ts'
import type { Mount, Service } from '../../../protocol/stackfile/model.ts'
import { anImage, containerInput, partOf } from '../support/container-input.ts'
import { problemOf } from '../support/problems.ts'

const planOf = (spec: Partial<Service>, parts: Parameters<typeof containerInput>[1] = {}) =>
  containerCreate(containerInput(spec, parts))
const bindsOf = (...volumes: Mount[]) => partOf(planOf({ volumes }).body, 'HostConfig.Binds')
const mountsOf = (...volumes: Mount[]) => partOf(planOf({ volumes }).body, 'HostConfig.Mounts')

describe('volumes', () => {
  test.each([
    ['a host path', { type: 'bind', source: '/a', target: '/b' }, '/a:/b:rw'],
    ['a host path that is read only', { type: 'bind', source: '/a', target: '/b', read_only: true }, '/a:/b:ro'],
    [
      'SELinux label and propagation',
      { type: 'bind', source: '/a', target: '/b', bind: { selinux: 'z', propagation: 'rshared' } },
      '/a:/b:rw,z,rshared',
    ],
    ['a named volume by its name on the Engine', { type: 'volume', source: 'data', target: '/d' }, 'shop_data:/d:rw'],
  ] as readonly (readonly [string, Mount, string])[])('%s is a bind', (_, mount, bind) => {
    expect(bindsOf(mount)).toEqual([bind])
  })

  test('a path that the client sent files for is where they are, and read-only', () => {
    const volumes: Mount[] = [{ type: 'bind', source: '/home/ann/shop/conf', target: '/conf' }]
    const bundleAt = (path: string) => (path === '/home/ann/shop/conf' ? '/state/bundles/abc' : undefined)
    const { body, warnings } = planOf({ volumes }, { bundleAt })
    expect(partOf(body, 'HostConfig.Binds')).toEqual(['/state/bundles/abc:/conf:ro'])
    expect(warnings).toEqual([
      'services.web.volumes[0]: /home/ann/shop/conf was sent with the stack and is mounted read-only: what is written needs a volume',
    ])
    expect(planOf({ volumes: [{ ...volumes[0]!, read_only: true }] }, { bundleAt }).warnings).toEqual([])
  })

  test('a host path that must be there is a mount', () => {
    expect(mountsOf({ type: 'bind', source: '/a', target: '/b', bind: { create_host_path: false } })).toEqual([
      { Type: 'bind', Target: '/b', Source: '/a', BindOptions: {} },
    ])
  })

  test.each([
    ['disabled', { NonRecursive: true }],
    ['writable', { ReadOnlyNonRecursive: true }],
    ['readonly', { ReadOnlyForceRecursive: true }],
  ])('bind.recursive: %s', (how, options) => {
    expect(
      mountsOf({ type: 'bind', source: '/a', target: '/b', read_only: true, bind: { recursive: how } }),
    ).toMatchObject([{ BindOptions: options, ReadOnly: true }])
  })

  test('a named volume that is not to be filled is a mount', () => {
    expect(mountsOf({ type: 'volume', source: 'data', target: '/d', volume: { nocopy: true } })).toEqual([
      { Type: 'volume', Target: '/d', Source: 'shop_data', VolumeOptions: { NoCopy: true } },
    ])
  })

  test('propagation is a mount, which makes the host path where the short form would', () => {
    expect(
      mountsOf({ type: 'bind', source: '/a', target: '/b', bind: { propagation: 'rshared', create_host_path: true } }),
    ).toEqual([
      { Type: 'bind', Target: '/b', Source: '/a', BindOptions: { Propagation: 'rshared', CreateMountpoint: true } },
    ])
  })

  test('a part of a volume is a mount', () => {
    expect(mountsOf({ type: 'volume', source: 'data', target: '/d', volume: { subpath: 'sub' } })).toEqual([
      { Type: 'volume', Target: '/d', Source: 'shop_data', VolumeOptions: { Subpath: 'sub' } },
    ])
  })

  test('an anonymous volume is a mount without a source', () => {
    expect(mountsOf({ type: 'volume', target: '/d' })).toEqual([{ Type: 'volume', Target: '/d' }])
  })

  test('tmpfs has its size in bytes and its mode', () => {
    expect(mountsOf({ type: 'tmpfs', target: '/t', tmpfs: { size: '1024', mode: 0o700 } })).toEqual([
      { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1024, Mode: 0o700 } },
    ])
  })

  test('an image is mounted by its name', () => {
    expect(mountsOf({ type: 'image', source: 'data:1', target: '/i', image: { subpath: 's' } })).toEqual([
      { Type: 'image', Target: '/i', Source: 'data:1', ImageOptions: { Subpath: 's' } },
    ])
  })
})

describe('anonymous volumes of the predecessor', () => {
  const carriedVolumes = { '/declared': 'a1', '/of-the-image': 'a2', '/of-an-older-image': 'a3' }
  const plan = planOf(
    { volumes: [{ type: 'volume', target: '/declared' }] },
    {
      carriedVolumes,
      image: {
        reference: 'web:1',
        id: 'sha256:web',
        inspect: anImage('sha256:web', { Config: { Volumes: { '/of-the-image': {} } } }),
      },
    },
  )
  const mounts = partOf(plan.body, 'HostConfig.Mounts')

  test('are taken over where the file declares them', () => {
    expect(mounts).toContainEqual({ Type: 'volume', Target: '/declared', Source: 'a1' })
  })

  test('are taken over where the image declares them', () => {
    expect(mounts).toContainEqual({ Type: 'volume', Target: '/of-the-image', Source: 'a2' })
  })

  test('are left where nothing declares them any more', () => {
    expect(JSON.stringify(mounts)).not.toContain('a3')
  })
})

describe('configs and secrets', () => {
  const onHost = { fileSource: () => ({ hostPath: '/state/files/abc' }) }

  test('from a file are bound, read only', () => {
    expect(partOf(planOf({ configs: [{ source: 'app' }] }, onHost).body, 'HostConfig.Mounts')).toEqual([
      { Type: 'bind', Source: '/state/files/abc', Target: '/app', ReadOnly: true },
    ])
  })

  test.each([
    ['a config goes to the root', { configs: [{ source: 'app' }] }, '/app'],
    ['a config goes where it is told', { configs: [{ source: 'app', target: '/etc/app' }] }, '/etc/app'],
    ['a secret goes to /run/secrets', { secrets: [{ source: 'key' }] }, '/run/secrets/key'],
    ['a secret with a name of its own', { secrets: [{ source: 'key', target: 'tls' }] }, '/run/secrets/tls'],
    ['a secret with a path of its own', { secrets: [{ source: 'key', target: '/tls' }] }, '/tls'],
  ] as readonly (readonly [string, Partial<Service>, string])[])('%s', (_, spec, target) => {
    expect(partOf(planOf(spec, onHost).body, 'HostConfig.Mounts')).toMatchObject([{ Target: target }])
  })

  test('whose bytes are given are copied in, with mode and owner', () => {
    const plan = planOf({ secrets: [{ source: 'key', uid: '5', gid: '6', mode: '0440' }] })
    expect(plan.filesAfterCreate).toEqual([
      { path: '/run/secrets/key', content: Buffer.from('bytes'), mode: 0o440, uid: 5, gid: 6 },
    ])
  })

  test('are readable by all where no mode is given', () => {
    expect(planOf({ configs: [{ source: 'app' }] }).filesAfterCreate).toMatchObject([{ mode: 0o444, uid: 0, gid: 0 }])
  })

  test('from a file keep its owner and mode, and a warning says so where the file asks for others', () => {
    expect(planOf({ configs: [{ source: 'app', mode: '0400' }] }, onHost).warnings).toHaveLength(1)
    expect(planOf({ configs: [{ source: 'app' }] }, onHost).warnings).toEqual([])
  })

  test('give way to a volume of the file at the same place', () => {
    const volumes: Mount[] = [{ type: 'bind', source: '/mine', target: '/app' }]
    const { HostConfig } = planOf({ volumes, configs: [{ source: 'app' }] }, onHost).body
    expect(HostConfig).toMatchObject({ Binds: ['/mine:/app:rw'] })
    expect(HostConfig).not.toHaveProperty('Mounts')
  })

  test('that are to be copied in cannot be where the root is read only', () => {
    const readOnly = { read_only: true, secrets: [{ source: 'key' }] }
    expect(problemOf(() => planOf(readOnly)).code).toBe('unsupported')
    expect(() => planOf(readOnly, onHost)).not.toThrow()
  })

  test('that are copied in appear nowhere in the body', () => {
    const plan = planOf({ secrets: [{ source: 'key' }] }, { fileSource: () => ({ content: Buffer.from('s3cret') }) })
    expect(JSON.stringify(plan.body)).not.toContain('s3cret')
  })
})
