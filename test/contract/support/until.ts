import { setTimeout as delay } from 'node:timers/promises'

const DEADLINE_MS = 15_000

/** Looks again and again until there is something to see, and answers it. Fails with `what` at the deadline. */
export async function until<T>(what: string, look: () => Promise<T | false | undefined> | T | false | undefined) {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const seen = await look()
    if (seen !== false && seen !== undefined) return seen
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await delay(25)
  }
}
