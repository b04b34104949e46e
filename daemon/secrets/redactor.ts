/**
 * Takes values of secrets out of text that leaves the daemon or is kept: as they are, in JSON, in base64 (also as a part of
 * something longer), in URLs. Short ones are left, or every `abc` would go. Work and memory are bounded whatever the values
 * and the text look like; where the bound is met, the rest of the text goes.
 */
export type Redact = (text: string) => string

const SHORTEST = 6
/** Lines of a longer secret, such as a PEM file, which logs show one by one. */
const SHORTEST_LINE = 16
const LINES_LIMIT = 256
/** Of a longer value this much is looked for. Where it is found, the text ends. */
const LONGEST = 1024
/** Values of a secret that are known besides the present one. */
const OLD_VALUES = 3

const HIDDEN = '[secret]'

interface Form {
  readonly text: string
  /** Whether it is the beginning of something longer. */
  readonly isCut: boolean
}

export class Redactor {
  /** Of each secret, the newest value first. */
  readonly #valuesOf = new Map<string, readonly (readonly Form[])[]>()
  /** By how they begin, the longest first. */
  #forms: ReadonlyMap<string, readonly Form[]> = new Map()
  /** Whether a form begins so, by {@link mark}: most of a text is passed over by it alone. */
  #marks = new Uint8Array(MARKS)
  /** Values have come since the forms were put in order, which waits until a text does. */
  #isStale = false

  /** `key`: whose value it is; another one takes its place. Old values of a rotation stay known as well. */
  add(key: string, value: Buffer): void {
    this.#valuesOf.set(key, [formsOf(value), ...(this.#valuesOf.get(key) ?? []).slice(0, OLD_VALUES)])
    this.#isStale = true
  }

  readonly redact: Redact = (text) => {
    if (this.#isStale) this.#index()
    if (this.#forms.size === 0) return text
    let kept = ''
    let from = 0
    let at = 0
    let work = 16 * text.length + 65_536
    while (at + SHORTEST <= text.length) {
      const found = this.#marks[mark(text, at)] === 1 ? this.#forms.get(text.slice(at, at + SHORTEST)) : undefined
      if (found === undefined) {
        at += 1
        continue
      }
      const form = found.find((one) => {
        work -= 1 + (endsAlike(text, at, one.text) ? one.text.length : 0)
        return work < 0 || text.startsWith(one.text, at)
      })
      if (form !== undefined) kept += text.slice(from, at) + HIDDEN
      if (work < 0 || form?.isCut === true) return form === undefined ? kept + text.slice(from, at) + HIDDEN : kept
      at += form?.text.length ?? 1
      if (form !== undefined) from = at
    }
    return from === 0 ? text : kept + text.slice(from)
  }

  #index(): void {
    const forms = new Map<string, Form[]>()
    const known = new Set<string>()
    this.#marks = new Uint8Array(MARKS)
    for (const form of [...this.#valuesOf.values()].flat(2)) {
      if (known.has(form.text)) continue
      known.add(form.text)
      this.#marks[mark(form.text, 0)] = 1
      const start = form.text.slice(0, SHORTEST)
      const same = forms.get(start)
      if (same === undefined) forms.set(start, [form])
      else same.push(form)
    }
    // The longest first: a form may begin as another one does.
    for (const same of forms.values()) same.sort((one, other) => other.text.length - one.text.length)
    this.#forms = forms
    this.#isStale = false
  }
}

const MARKS = 65_536

const mark = (text: string, at: number): number =>
  (text.charCodeAt(at) * 961 + text.charCodeAt(at + 1) * 31 + text.charCodeAt(at + 2)) % MARKS

/** Looked at first: what only begins alike, however long, costs little. */
const endsAlike = (text: string, at: number, form: string): boolean =>
  text.startsWith(form.slice(-SHORTEST), at + form.length - SHORTEST)

function formsOf(value: Buffer): Form[] {
  const isCut = value.length > LONGEST
  const head = value.subarray(0, LONGEST)
  // What a cut left of a character at its end is none of the value's.
  const text = isCut ? head.toString('utf8').replace(/\ufffd+$/, '') : head.toString('utf8')
  const trimmed = isCut ? text.trimStart() : text.trim()
  const lines = value
    .toString('utf8')
    .split('\n', LINES_LIMIT)
    .map((line) => line.trim())
  const bytes = [head, Buffer.from(trimmed)]
  return [
    ...[text, trimmed].flatMap((one) => writtenForms(one, isCut)),
    ...bytes.flatMap((one) => bytesForms(one, isCut)),
    ...lines
      .filter((line) => line.length >= SHORTEST_LINE)
      .flatMap((line) => writtenForms(line.slice(0, LONGEST), line.length > LONGEST)),
  ].filter((form) => form.text.length >= SHORTEST)
}

const writtenForms = (text: string, isCut: boolean): Form[] => {
  const url = encoded(text)
  const forms = [text, JSON.stringify(text).slice(1, -1), url, url.replaceAll('%20', '+')]
  return [...new Set(forms)].map((form) => ({ text: form, isCut }))
}

const bytesForms = (bytes: Buffer, isCut: boolean): Form[] =>
  bytes.length < SHORTEST ? [] : [...base64Forms(bytes), bytes.toString('hex')].map((text) => ({ text, isCut }))

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
