/** Drops networks, volumes, secrets, configs and models that no service uses, as `config` and `up` do. */
import type { Model } from './model.ts'
import { setKey } from './tree.ts'

export function pruneResources(model: Model): void {
  const used = {
    networks: new Set<string>(),
    volumes: new Set<string>(),
    secrets: new Set<string>(),
    configs: new Set<string>(),
    models: new Set<string>(),
  }
  for (const service of Object.values(model.services)) {
    for (const network of Object.keys(service.networks ?? {})) used.networks.add(network)
    for (const mount of service.volumes ?? []) {
      if (mount.type === 'volume' && mount.source !== undefined) used.volumes.add(mount.source)
    }
    for (const secret of [...(service.secrets ?? []), ...(service.build?.secrets ?? [])])
      used.secrets.add(secret.source)
    for (const config of service.configs ?? []) used.configs.add(config.source)
    for (const name of Object.keys(service.models ?? {})) used.models.add(name)
  }
  for (const [section, names] of Object.entries(used) as [keyof typeof used, Set<string>][]) {
    const resources = model[section]
    if (resources === undefined) continue
    const kept: Record<string, unknown> = {}
    for (const [name, resource] of Object.entries(resources)) if (names.has(name)) setKey(kept, name, resource)
    if (Object.keys(kept).length === 0) delete model[section]
    else Object.assign(model, { [section]: kept })
  }
}
