/**
 * Versions of Engine and runc with holes through which an image, a Dockerfile or a container reaches the host, as their advisories
 * name them. Distributions mend old versions without another number: who reads the warning has to know. Pure.
 */

interface Hole {
  readonly part: 'Engine' | 'runc'
  readonly names: string
  readonly what: string
  /** By release line, the first version that is mended; the last of them holds for all lines after it too. */
  readonly mended: readonly string[]
}

const HOLES: readonly Hole[] = [
  {
    part: 'runc',
    names: 'CVE-2024-21626',
    what: 'an image or `exec` can leave its container through a working directory',
    mended: ['1.1.12'],
  },
  {
    part: 'runc',
    names: 'CVE-2025-31133, CVE-2025-52565, CVE-2025-52881',
    what: 'a container can write to files of the host in /proc while it is made',
    mended: ['1.2.8', '1.3.3', '1.4.0-rc.3'],
  },
  {
    part: 'Engine',
    names: 'CVE-2024-23651, CVE-2024-23652, CVE-2024-23653',
    what: 'a build can read and remove files of the host',
    mended: ['24.0.9', '25.0.2'],
  },
  {
    part: 'Engine',
    names: 'CVE-2024-41110',
    what: 'authorization plugins of the Engine can be passed by',
    mended: ['23.0.15', '25.0.6', '26.1.5', '27.1.1'],
  },
]

/** One line for each hole that a version has. A version that is not understood has none that we know. */
export function knownHoles(versions: { readonly Engine: string; readonly runc?: string | undefined }): string[] {
  return HOLES.flatMap(({ part, names, what, mended }) => {
    const version = versions[part]
    if (version === undefined || !isBefore(version, mended)) return []
    return [
      `${part} ${version} is one with ${names}: ${what}; update to ${mended.join(', ')} or newer, unless your distribution has mended it`,
    ]
  })
}

function isBefore(version: string, mended: readonly string[]): boolean {
  const own = parse(version)
  if (own === undefined) return false
  const lines = mended.map((text) => parse(text)!)
  const first = lines.find((line) => compare(lineOf(line), lineOf(own)) >= 0)
  return first !== undefined && compare(own, first) < 0
}

/** Major, minor, patch; a pre-release comes before its release. */
type Version = readonly [number, number, number, number]

function parse(text: string): Version | undefined {
  const found = /^v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:-rc\.?(\d{1,4}))?/.exec(text)
  if (found === null) return undefined
  const [major, minor, patch] = found.slice(1, 4).map(Number)
  return [major!, minor!, patch!, found[4] === undefined ? Number.POSITIVE_INFINITY : Number(found[4])]
}

const lineOf = ([major, minor]: Version): Version => [major, minor, 0, 0]

function compare(one: Version, other: Version): number {
  for (const [index, part] of one.entries()) if (part !== other[index]) return part < other[index]! ? -1 : 1
  return 0
}
