/** What the program in a simulated container does, written into its environment by the models of the simulator. */
export interface Program {
  /** Ends by itself. Undefined: it serves until it is told to stop. */
  readonly exit: { readonly code: number; readonly afterMs: number } | undefined
  /** When its health check begins to succeed; `never`. A container without a health check has no health whatever this says. */
  readonly healthyAfterMs: number | 'never'
  /** From the stop signal to its end. */
  readonly stopMs: number
  readonly stopCode: number
}

export const valuesIn = (env: readonly string[]): ReadonlyMap<string, string> =>
  new Map(env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]))

export function programOf(env: readonly string[]): Program {
  const values = valuesIn(env)
  const exit = values.get('SIM_EXIT')?.split(':').map(Number)
  const health = values.get('SIM_HEALTH')
  return {
    exit: exit === undefined ? undefined : { code: exit[0]!, afterMs: exit[1]! },
    healthyAfterMs: health === 'never' ? 'never' : Number(health ?? 200),
    stopMs: Number(values.get('SIM_STOP') ?? 20),
    stopCode: Number(values.get('SIM_STOP_CODE') ?? 0),
  }
}
