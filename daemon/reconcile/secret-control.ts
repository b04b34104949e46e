/** The use cases around secrets of stacks. No answer has a value. */
import { Problem } from '../../protocol/problems.ts'
import { KillOptions } from '../../protocol/resources/operations.ts'
import type { Secret, SecretRequest } from '../../protocol/resources/secret.ts'
import { ServicesRequest } from '../../protocol/resources/stack.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import { secretVariables } from '../../protocol/stackfile/secret-variables.ts'
import type { Vault } from '../secrets/vault.ts'
import type { Store } from '../store/store.ts'
import type { Caller, Control } from './control.ts'
import { mustNotBeHeld } from './held.ts'

export class SecretControl {
  readonly #store: Store
  readonly #vault: Vault
  readonly #control: Pick<Control, 'restart' | 'kill'>

  constructor(store: Store, vault: Vault, control: Pick<Control, 'restart' | 'kill'>) {
    this.#store = store
    this.#vault = vault
    this.#control = control
  }

  list(stack: string): Secret[] {
    return this.#vault.list(stack).map((row) => this.#view(row))
  }

  /** With `afterwards`, the deployment that tells the services of it, where it has any. */
  async put(
    stack: string,
    name: string,
    { base64, which, afterwards }: SecretRequest,
    caller: Caller,
  ): Promise<{ secret: Secret; deployment?: string }> {
    if (afterwards !== 'leave') mustNotBeHeld(this.#store, stack)
    const inEnvironment = this.#usersOf(stack, name).filter(({ how }) => how === 'variable')
    if (afterwards !== 'leave' && afterwards !== 'restart' && inEnvironment.length > 0)
      throw new Problem(
        'conflict',
        `${name} is a variable of ${inEnvironment.map(({ service }) => service).join(', ')}, which no signal changes`,
        { hint: 'without --signal they are made anew' },
      )
    const row = this.#vault.set(stack, name, Buffer.from(base64, 'base64'), which, caller.name)
    const secret = this.#view(row)
    const services = secret.usedBy
    if (afterwards === 'leave' || services.length === 0) return { secret }
    const { deployment } =
      afterwards === 'restart'
        ? await this.#control.restart(
            stack,
            ServicesRequest.parse({ services, dependents: 'leave' }),
            caller,
            secret.variableOf,
          )
        : await this.#control.kill(stack, KillOptions.parse({ services, signal: afterwards }), caller)
    return { secret, deployment }
  }

  remove(stack: string, name: string): void {
    const users = this.#usersOf(stack, name)
    if (users.length > 0)
      throw new Problem('conflict', `secret ${name} is used by ${users.map(({ service }) => service).join(', ')}`, {
        hint: `take it out of their \`secrets\` and bring the stack up first: evenkeel -p ${stack} up`,
      })
    this.#vault.remove(stack, name)
  }

  #view({ stack, ...row }: ReturnType<Vault['list']>[number]): Secret {
    const { name, version, createdAt, updatedAt, updatedBy } = row
    const users = this.#usersOf(stack, name)
    const usedBy = users.map(({ service }) => service)
    const variableOf = users.filter(({ how }) => how === 'variable').map(({ service }) => service)
    return { name, version, createdAt, updatedAt, updatedBy, usedBy, variableOf }
  }

  #usersOf(stack: string, name: string): { readonly service: string; readonly how: 'file' | 'variable' }[] {
    if (this.#store.stacks.find(stack)?.presence !== 'present') return []
    return this.#store.stacks.services(stack).flatMap(({ service, revision, run }) => {
      const model = this.#store.revisions.find(stack, revision)?.model
      if (run === 'removed' || model === undefined || !secretsOf(model, [service]).includes(name)) return []
      const asVariable = secretVariables(model.services[service]!).some(
        ({ source }) => (model.secrets?.[source]?.name ?? source) === name,
      )
      return [{ service, how: asVariable ? 'variable' : 'file' } as const]
    })
  }
}

/** Names of the daemon's own secrets that these services are given, or all. */
export function secretsOf(
  { services, secrets = {} }: Pick<Model, 'services' | 'secrets'>,
  named = Object.keys(services),
): string[] {
  const sources = named.flatMap((service) => (services[service]?.secrets ?? []).map(({ source }) => source))
  return [...new Set(sources)].flatMap((source) => {
    const secret = secrets[source]
    return secret?.external === true ? [secret.name ?? source] : []
  })
}
