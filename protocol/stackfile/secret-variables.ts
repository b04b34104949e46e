/**
 * Secrets that a service is given as variables, because it asks for that: `secrets: [{source: X, x-evenkeel: {env: NAME}}]`. The
 * Engine keeps variables in the clear, so that files are the rule.
 */
import type { Service } from './model.ts'

export interface SecretVariable {
  readonly variable: string
  /** The key under `secrets`. */
  readonly source: string
}

export const secretVariables = ({ secrets = [] }: Pick<Service, 'secrets'>): SecretVariable[] =>
  secrets.flatMap(({ source, 'x-evenkeel': given }) =>
    given?.env === undefined ? [] : [{ variable: given.env, source }],
  )
