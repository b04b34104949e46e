/** How long a token lasts: `90d`, `12h`, `30m`, or `never`. */
import { Problem } from '../../protocol/problems.ts'

const SECONDS = { m: 60, h: 3600, d: 86_400, w: 604_800 } as const

/** Null: it does not end. */
export function lifetimeSeconds(text: string): number | null {
  if (text === 'never') return null
  const found = /^(\d{1,5})([mhdw])$/.exec(text)
  const count = Number(found?.[1])
  if (found === null || count === 0)
    throw new Problem('bad-request', `${text} is no time for which a token can last`, {
      hint: 'such as 90d, 12h, 30m, or never',
    })
  return count * SECONDS[found[2] as keyof typeof SECONDS]
}
