import { Problem } from '../../../protocol/problems.ts'

/** The Engine's release that first spoke an API version, for people. */
const RELEASES: Readonly<Record<string, string>> = {
  '1.43': '24.0',
  '1.44': '25.0',
  '1.45': '26.0',
  '1.48': '28.0',
  '1.49': '28.1',
}

export function compareVersions(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number)
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number)
  return aMajor - bMajor || aMinor - bMinor
}

/** Refuses a key that this Engine cannot honour: leaving it out would be a lie. */
export function needsApi(path: string, needed: string, apiVersion: string): void {
  if (compareVersions(apiVersion, needed) >= 0) return
  throw new Problem(
    'engine-too-old',
    `${path} needs Engine ${RELEASES[needed] ?? needed} (API ${needed}); this one speaks API ${apiVersion}`,
    {
      hint: 'upgrade the Engine, or take the key out of the file',
    },
  )
}
