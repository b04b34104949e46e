/**
 * Takes values of secrets out of text that leaves the daemon or is kept: as they are, in JSON, in base64 (also as a part of
 * something longer), in URLs. Short ones are left, or every `abc` would go.
 */
export type Redact = (text: string) => string

const SHORTEST = 6
/** Lines of a longer secret, such as a PEM file, which logs show one by one. */
const SHORTEST_LINE = 16

export class Redactor {
  readonly #formsOf = new Map<string, readonly string[]>()
  #pattern: RegExp | undefined

  /** `key`: whose value it is; another one takes its place. Old values of a rotation stay known as well. */
  add(key: string, value: Buffer): void {
    const forms = new Set([...(this.#formsOf.get(key) ?? []), ...formsOf(value)])
    this.#formsOf.set(key, [...forms].slice(-FORMS_LIMIT))
    this.#compile()
  }

  readonly redact: Redact = (text) => (this.#pattern === undefined ? text : text.replace(this.#pattern, '[secret]'))

  #compile(): void {
    // The longest first: a form may begin as another one does.
    const forms = [...new Set([...this.#formsOf.values()].flat())].sort((a, b) => b.length - a.length)
    this.#pattern = forms.length === 0 ? undefined : new RegExp(forms.map(escaped).join('|'), 'g')
  }
}

const FORMS_LIMIT = 200

function formsOf(value: Buffer): string[] {
  const text = value.toString('utf8')
  const trimmed = text.trim()
  const lines = trimmed.split('\n').filter((line) => line.length >= SHORTEST_LINE)
  const plain = [text, trimmed, ...lines].filter((form) => form.length >= SHORTEST)
  const urls = plain.flatMap((form) => [encoded(form), encoded(form).replaceAll('%20', '+')])
  const bytes = [value, Buffer.from(trimmed)].filter(({ length }) => length >= SHORTEST)
  const hex = bytes.map((one) => one.toString('hex'))
  return [
    ...plain,
    ...plain.map((form) => JSON.stringify(form).slice(1, -1)),
    ...urls,
    ...bytes.flatMap(base64Forms),
    ...hex,
  ]
}

/** A lone half of a pair has no form in a URL. */
function encoded(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    return text
  }
}

/** What of a base64 text depends on these bytes alone, at each of the three places that they can have in it. */
function base64Forms(value: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const whole = Buffer.concat([Buffer.alloc(shift), value])
      .toString('base64')
      .replace(/=+$/, '')
    const from = Math.ceil((shift * 8) / 6)
    const to = Math.floor(((shift + value.length) * 8) / 6)
    const core = whole.slice(from, to)
    if (core.length < SHORTEST) return []
    return [core, core.replaceAll('+', '-').replaceAll('/', '_'), encodeURIComponent(core)]
  })
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
