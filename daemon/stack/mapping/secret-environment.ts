/** Secrets that a service asks for as variables: in the clear for the Engine and whoever may inspect, which is told each time. */
import { Problem } from '../../../protocol/problems.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'
import { secretVariables } from '../../../protocol/stackfile/secret-variables.ts'
import type { ContainerInput } from './container-plan.ts'

export interface SecretEnvironment {
  readonly environment: Readonly<Record<string, string>>
  readonly warnings: readonly string[]
}

export function secretEnvironment({ service, secretValue }: ContainerInput, spec: Service): SecretEnvironment {
  const asked = secretVariables(spec)
  return {
    environment: Object.fromEntries(
      asked.map(({ variable, source }) => [
        variable,
        textOf(secretValue(source), `services.${service}.secrets`, source),
      ]),
    ),
    warnings: asked.map(
      ({ variable, source }) =>
        `services.${service}.secrets: ${source} is given as the variable ${variable}, which the Engine keeps in the clear; as a file it would not`,
    ),
  }
}

/** Without the end of its last line, as `$(...)` of a shell has it. */
function textOf(value: Buffer, path: string, source: string): string {
  const text = value.toString('utf8')
  if (text.includes('\0') || !Buffer.from(text).equals(value))
    throw new Problem('unsupported', `${path}: ${source} is no text, which alone can be a variable`, {
      hint: 'have it as a file: take its x-evenkeel away',
    })
  return text.replace(/\r?\n$/, '')
}
