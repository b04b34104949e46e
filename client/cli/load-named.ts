/** Loads a stack for a command that names services: one that is named needs no profile. */
import { Problem } from '../../protocol/problems.ts'
import type { LoadedStack } from '../../protocol/stackfile/load.ts'
import { nearest } from '../../protocol/stackfile/suggest.ts'
import { loadFromDisk } from '../stack-source.ts'
import type { Context } from './command.ts'

/** All services that are on, and those that are named. Says the file's warnings. */
export function loadNamed(context: Pick<Context, 'selection' | 'warn'>, named: readonly string[]): LoadedStack {
  const all = loadFromDisk(context.selection)
  const isOff = (name: string) => all.model.services[name] === undefined && all.disabledServices.includes(name)
  const loaded = named.some(isOff)
    ? loadFromDisk(context.selection, { services: [...Object.keys(all.model.services), ...named.filter(isOff)] })
    : all
  for (const warning of loaded.warnings) context.warn(warning)
  for (const name of named) {
    if (loaded.model.services[name] !== undefined) continue
    const names = Object.keys(loaded.model.services)
    const near = nearest(name, names)
    throw new Problem('service-not-found', `no such service: ${name}`, {
      hint: near === undefined ? `the file has: ${names.join(', ')}` : `did you mean "${near}"?`,
    })
  }
  return loaded
}
