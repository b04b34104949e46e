/** Models to be looked at: values that may be secret become numbers, the same one for the same value. */
import type { Model } from '../../../protocol/stackfile/model.ts'

/** Names of maps whose values are anybody's: passwords stand among them. */
const VALUE_MAPS = new Set(['environment', 'args'])

export class Redaction {
  /** Numbers count by the place of a value, so that they tell nothing about values elsewhere. */
  readonly #numbers = new Map<string, Map<string, number>>()

  of(model: Model): Model {
    return this.#walk(model, '') as Model
  }

  #walk(value: unknown, path: string): unknown {
    if (Array.isArray(value)) return value.map((item, index) => this.#walk(item, `${path}[${index}]`))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        const at = `${path}.${key}`
        if (VALUE_MAPS.has(key) && typeof inner === 'object' && inner !== null) return [key, this.#values(inner, at)]
        return [key, /^\.(configs|secrets)\.[^.]+\.content$/.test(at) ? this.#number(inner, at) : this.#walk(inner, at)]
      }),
    )
  }

  #values(map: object, path: string): object {
    if (Array.isArray(map)) return map.map((item, index) => this.#number(item, `${path}[${index}]`))
    return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, this.#number(value, `${path}.${key}`)]))
  }

  #number(value: unknown, path: string): unknown {
    if (value === null) return value
    const numbers = this.#numbers.get(path) ?? new Map<string, number>()
    this.#numbers.set(path, numbers)
    const text = JSON.stringify(value)
    const number = numbers.get(text) ?? numbers.size + 1
    numbers.set(text, number)
    return `(value ${number})`
  }
}
