/** Time, as streams need it. */
export interface StreamClock {
  now(): Date
  /** Resolves after so many milliseconds, or at once when the signal ends it. Never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}
