/** What serves a route: what came of the request, checked, and the caller, admitted, go in; the answer comes out. */
import type { Admitted } from '../access/gate.ts'

export interface Input {
  readonly params: Readonly<Record<string, string>>
  readonly body: unknown
  readonly query: Readonly<Record<string, unknown>>
  readonly caller: Admitted
}

export type Handler = (input: Input) => unknown
