/** What goes wrong, when, as data: so that a schedule can be written down, repeated and shrunk. */

/** How one call of the Engine fares. `before` and `after` are about its effect. */
export type CallFault =
  | 'error-before'
  | 'error-after'
  | 'lost-before'
  | 'lost-after'
  | 'hang-before'
  | 'hang-after'
  | 'delay'
  | 'crash-before'
  | 'crash-after'

export const CALL_FAULTS: readonly CallFault[] = [
  'error-before',
  'error-after',
  'lost-before',
  'lost-after',
  'hang-before',
  'hang-after',
  'delay',
  'crash-before',
  'crash-after',
]

export interface EngineCall {
  /** `start`, `networks.create`. */
  readonly name: string
  readonly kind: 'look' | 'change'
  /** Id or name of what it is about. */
  readonly target: string
  /** As a Problem names it: `POST /containers/create`. */
  readonly http: string
  /** It waits while dockerd is busy with this container. */
  readonly locks: boolean
  /** Of what is to be made. */
  readonly labels?: Readonly<Record<string, string>> | undefined
}

interface Armed {
  readonly fault: CallFault
  readonly on: 'look' | 'change'
  countdown: number
}

export class Faults {
  #armed: Armed[] = []
  #writes: number | undefined

  /** Meets the call of this kind that comes after so many others. */
  arm(fault: CallFault, on: 'look' | 'change', after: number): void {
    this.#armed.push({ fault, on, countdown: after })
  }

  /** The daemon dies before the write to its store that comes after so many others. */
  armWrite(after: number): void {
    this.#writes = after
  }

  next(call: EngineCall): CallFault | undefined {
    if (this.#armed.length === 0) return undefined
    let found: Armed | undefined
    for (const armed of this.#armed) {
      if (armed.on !== call.kind) continue
      if (armed.countdown === 0 && found === undefined) found = armed
      else if (armed.countdown > 0) armed.countdown -= 1
    }
    if (found === undefined) return undefined
    this.#armed = this.#armed.filter((armed) => armed !== found)
    return found.fault
  }

  /** True where the daemon dies now. */
  diesAtWrite(): boolean {
    if (this.#writes === undefined) return false
    if (this.#writes > 0) {
      this.#writes -= 1
      return false
    }
    this.#writes = undefined
    return true
  }

  clear(): void {
    this.#armed = []
    this.#writes = undefined
  }
}
