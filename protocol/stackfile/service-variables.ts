/**
 * The variables by which a service finds what is no container: a model of `models`, and what the provider of a service that
 * it depends on has made. The client sets them before it sends the model; the rules are Compose's.
 */
import type { Model, Service } from './model.ts'

export interface ModelVariables {
  /** Takes the address at which the model answers. */
  readonly endpoint: string
  /** Takes the model's name there. */
  readonly model: string
}

/** `name`: as the service calls the model. */
export function modelVariables(
  name: string,
  given: NonNullable<Service['models']>[string] | undefined,
): ModelVariables {
  const prefix = name.toUpperCase().replaceAll('-', '_')
  return { endpoint: given?.endpoint_var || `${prefix}_URL`, model: given?.model_var || `${prefix}_MODEL` }
}

/** What stands before the names of all variables that the provider of this service sets. */
export const providerPrefix = (service: string): string => `${service.toUpperCase()}_`

/** The same model with more variables for these services; they win over those of the file. */
export function withVariables(model: Model, variables: ReadonlyMap<string, Readonly<Record<string, string>>>): Model {
  const services = Object.entries(model.services).map(([name, service]) => {
    const more = variables.get(name) ?? {}
    const isSame = Object.keys(more).length === 0
    return [name, isSame ? service : { ...service, environment: { ...service.environment, ...more } }]
  })
  return { ...model, services: Object.fromEntries(services) }
}
