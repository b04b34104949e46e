/** Keys that leave a terminal session without ending its program: `ctrl-p,ctrl-q`, unless told otherwise. */
import { Problem } from '../../protocol/problems.ts'

export const DETACH_KEYS = 'ctrl-p,ctrl-q'

const CONTROLS: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 }

/** By Docker's rule: single characters and `ctrl-X`, X being a letter or one of `@[\]^_`, with commas between. */
export function parseDetachKeys(text: string): number[] {
  return text.split(',').map((key) => {
    const control = /^ctrl-(.)$/.exec(key)?.[1]
    if (control === undefined && /^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0)
    if (control !== undefined && /^[a-z]$/.test(control)) return control.charCodeAt(0) - 96
    const code = control === undefined ? undefined : CONTROLS[control]
    if (code !== undefined) return code
    throw new Problem('bad-request', `invalid detach keys (${text}) provided`, {
      hint: 'write keys with commas between, such as ctrl-p,ctrl-q or ctrl-],x',
    })
  })
}

/** What is typed, without the keys. As much as may be their beginning is held back until the next key tells. */
export class DetachFilter {
  readonly #keys: readonly number[]
  #matched = 0

  constructor(keys: readonly number[]) {
    this.#keys = keys
  }

  /** Answers what to pass on, and whether the keys were typed: then nothing after them counts. */
  feed(bytes: Uint8Array): { readonly pass: Uint8Array; readonly detached: boolean } {
    const pass: number[] = []
    for (const byte of bytes) {
      if (byte !== this.#keys[this.#matched]) {
        pass.push(...this.#keys.slice(0, this.#matched))
        this.#matched = 0
      }
      if (byte === this.#keys[this.#matched]) this.#matched += 1
      else pass.push(byte)
      if (this.#matched === this.#keys.length) return { pass: Uint8Array.from(pass), detached: true }
    }
    return { pass: Uint8Array.from(pass), detached: false }
  }
}
