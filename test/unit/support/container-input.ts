/** What the mapping of one container takes, around a service `web` of a stack `shop`. */

import type { ImageInspect } from '../../../daemon/engine/types.ts'
import type { ContainerInput } from '../../../daemon/stack/mapping/container-plan.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'

export const anImage = (id: string, parts: Partial<ImageInspect> = {}): ImageInspect => ({
  Id: id,
  RepoTags: [],
  RepoDigests: [],
  Created: '2026-01-01T00:00:00Z',
  Size: 1,
  Os: 'linux',
  Architecture: 'amd64',
  Config: {},
  ...parts,
})

export function containerInput(spec: Partial<Service>, parts: Partial<ContainerInput> = {}): ContainerInput {
  return {
    model: {
      name: 'shop',
      services: { web: { image: 'web:1', networks: { default: null }, ...spec }, db: { image: 'db:1' } },
      networks: { default: { name: 'shop_default' }, back: { name: 'shop_back' } },
      volumes: { data: { name: 'shop_data' } },
    },
    service: 'web',
    replica: 1,
    containerName: 'shop-web-1',
    image: { reference: 'web:1', id: 'sha256:web', inspect: anImage('sha256:web') },
    apiVersion: '1.51',
    labels: { 'dev.evenkeel.stack': 'shop' },
    compose: {
      workingDir: '/srv/shop',
      configFiles: ['/srv/shop/compose.yaml', '/srv/shop/more.yaml'],
      environmentFiles: [],
      configHash: 'a-hash',
      version: '2.40.3',
    },
    containers: (service) => `id-of-${service}`,
    carriedVolumes: {},
    bundleAt: () => undefined,
    fileSource: () => ({ content: Buffer.from('bytes') }),
    secretValue: (name) => Buffer.from(`value of ${name}\n`),
    ...parts,
  }
}

/** The part of a body at `HostConfig.Memory`. */
export function partOf(body: object, path: string): unknown {
  return path.split('.').reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], body)
}
