/** The short form of volumes, `[SOURCE:]TARGET[:OPTIONS]`, as Compose reads it on every platform. */

export interface VolumeSpec {
  readonly type: 'bind' | 'volume'
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
  readonly noCopy: boolean
  readonly propagation: string
  readonly selinux: string
  /** Options that mean nothing to Compose, which drops them. */
  readonly unknownOptions: readonly string[]
  /** Specs of one or two characters get no `volume` section. */
  readonly isBare: boolean
}

/** Hints of Docker Desktop, which have no effect elsewhere. */
const IGNORED = new Set(['cached', 'delegated', 'consistent', 'default'])

const PROPAGATIONS = new Set(['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave'])

/** The parts of one entry, or what is wrong with it. A lone letter before a colon is a Windows drive. */
export function parseVolume(spec: string): VolumeSpec | string {
  if (spec === '') return 'The volume is empty'
  if (spec.length <= 2 && new TextEncoder().encode(spec).length <= 2) {
    return { ...EMPTY, type: 'volume', target: spec, isBare: true }
  }
  const sections = split(spec)
  if (sections.some((section) => section === '')) return `"${spec}" has an empty section between colons`
  if (sections.length > 3) return `"${spec}" has too many colons`
  const source = sections.length === 1 ? '' : sections[0]!
  const target = sections.length === 1 ? sections[0]! : sections[1]!
  let { readOnly, noCopy, propagation, selinux } = EMPTY
  const unknownOptions: string[] = []
  for (const option of (sections[2] ?? '').split(',')) {
    if (option === 'ro') readOnly = true
    else if (option === 'rw') readOnly = false
    else if (option === 'nocopy') noCopy = true
    else if (PROPAGATIONS.has(option)) propagation = option
    else if (option === 'z' || option === 'Z') selinux = option
    else if (option !== '' && !IGNORED.has(option)) unknownOptions.push(option)
  }
  const type = isFilePath(source) ? 'bind' : 'volume'
  return { type, source, target, readOnly, noCopy, propagation, selinux, unknownOptions, isBare: false }
}

const EMPTY: VolumeSpec = {
  type: 'volume',
  source: '',
  target: '',
  readOnly: false,
  noCopy: false,
  propagation: '',
  selinux: '',
  unknownOptions: [],
  isBare: false,
}

/** Splits at colons, but not at those of `C:\` and of `${NAME:-default}`. */
function split(spec: string): string[] {
  const sections: string[] = []
  let section = ''
  let variables = 0
  for (let index = 0; index < spec.length; index += 1) {
    const character = spec[index]!
    if (character === '$' && spec[index + 1] === '{') variables += 1
    else if (character === '}' && variables > 0) variables -= 1
    else if (character === ':' && variables === 0 && !isDrive(section)) {
      sections.push(section)
      section = ''
      continue
    }
    section += character
  }
  return [...sections, section]
}

const isDrive = (text: string): boolean => /^\p{L}$/u.test(text)

function isFilePath(source: string): boolean {
  return /^[./~]/.test(source) || source.startsWith('\\\\') || /^\p{L}:/u.test(source)
}
