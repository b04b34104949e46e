/** Which services are on: those without a profile, those of an active profile, those that were named. */
import { Problem } from '../problems.ts'
import type { LoadedService, Project } from './project.ts'
import { nearest } from './suggest.ts'
import { setKey } from './tree.ts'

export function applyProfiles(
  model: Project['model'],
  root: Project['root'],
  profiles: readonly string[],
  named: readonly string[],
): Project {
  const active = new Set(profiles)
  const names = new Set(named)
  const services: Record<string, LoadedService> = {}
  const disabled: Record<string, LoadedService> = {}
  for (const [name, service] of Object.entries(model.services)) {
    const wanted = service.profiles ?? []
    const isOn = wanted.length === 0 || active.has('*') || wanted.some((profile) => active.has(profile))
    setKey(isOn || names.has(name) ? services : disabled, name, service)
  }
  return { model: { ...model, services }, disabled, root }
}

/** Keeps the named services (`*` and `?` match) and all that they depend on. No name keeps everything. */
export function selectServices(project: Project, names: readonly string[]): Project {
  if (names.length === 0) return project
  const { services } = project.model
  const kept = new Set<string>()
  const keep = (first: string): void => {
    const waiting = [first]
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (kept.has(name)) continue
      kept.add(name)
      for (const dependency of Object.keys(services[name]?.depends_on ?? {})) {
        if (Object.hasOwn(services, dependency)) waiting.push(dependency)
      }
    }
  }
  for (const name of names) {
    const pattern = globPattern(name)
    const matches = Object.keys(services).filter((service) => pattern.test(service))
    if (matches.length === 0) {
      const near = nearest(name, Object.keys(services))
      throw new Problem('service-not-found', `There is no service "${name}" in the stack file`, {
        hint: near === undefined ? undefined : `Did you mean "${near}"?`,
      })
    }
    for (const match of matches) keep(match)
  }
  const selected: Record<string, LoadedService> = {}
  const disabled = { ...project.disabled }
  for (const [name, service] of Object.entries(services)) {
    if (!kept.has(name)) {
      setKey(disabled, name, service)
      continue
    }
    const dependencies = Object.entries(service.depends_on ?? {}).filter(([dependency]) => kept.has(dependency))
    const { depends_on: _, ...rest } = service
    setKey(
      selected,
      name,
      dependencies.length === 0 ? rest : { ...service, depends_on: Object.fromEntries(dependencies) },
    )
  }
  return { ...project, model: { ...project.model, services: selected }, disabled }
}

function globPattern(glob: string): RegExp {
  const escaped = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`)
}
