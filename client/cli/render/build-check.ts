/** What `build --check` says, laid out as buildx does it for Compose. */
import type { BuildCheck } from '../../../protocol/resources/job.ts'

type Place = Pick<BuildCheck['warnings'][number], 'source' | 'ranges'>

/** `fileOf` answers how a source of a service's build is to be called here. */
export function renderBuildChecks(
  checks: readonly BuildCheck[],
  fileOf: (service: string, file: string) => string,
): string {
  return [...checks]
    .sort((a, b) => (a.service < b.service ? -1 : 1))
    .map((check) => {
      const show = (place: Place) => excerpt(check, place, (file) => fileOf(check.service, file))
      return `${check.service}\n\n${summary(check)}${warnings(check, show)}${failure(check, show)}`
    })
    .join('\n')
}

/** Whether a command that checked ends well. */
export const isClean = ({ warnings, error }: BuildCheck): boolean => warnings.length === 0 && error === undefined

function summary({ warnings: { length }, error }: BuildCheck): string {
  if (length === 0) return error === undefined ? 'Check complete, no warnings found.\n' : ''
  return `Check complete, ${length === 1 ? '1 warning has' : `${length} warnings have`} been found!\n`
}

function warnings(check: BuildCheck, show: (place: Place) => string): string {
  return [...check.warnings]
    .sort((a, b) => compared(keyOf(check, a), keyOf(check, b)))
    .map((warning) => {
      const { rule, url, detail } = warning
      return `\nWARNING: ${rule}${url === '' ? '' : ` - ${url}`}\n${detail}\n${show(warning)}`
    })
    .join('')
}

function failure({ error, warnings: { length } }: BuildCheck, show: (place: Place) => string): string {
  return error === undefined ? '' : `${length === 0 ? '' : '\n'}error: ${error.message}\n${show(error)}\n`
}

/** Those about no place come first, then by file and line. */
function keyOf({ sources }: BuildCheck, { rule, source, ranges }: BuildCheck['warnings'][number]) {
  const file = source === undefined ? '' : (sources[source]?.file ?? '')
  return [file, ranges[0]?.start ?? 0, ranges.length === 0 ? rule : ''] as const
}

function compared(a: ReturnType<typeof keyOf>, b: ReturnType<typeof keyOf>): number {
  const at = a.findIndex((part, index) => part !== b[index])
  return at < 0 ? 0 : a[at]! < b[at]! ? -1 : 1
}

const RULE = '-'.repeat(20)

/** The lines that are meant, marked, and some around them: BuildKit's own rule for how many (solver/errdefs/source.go). */
function excerpt({ sources }: BuildCheck, { source, ranges }: Place, fileOf: (file: string) => string): string {
  const found = source === undefined ? undefined : sources[source]
  if (found === undefined || ranges.length === 0) return ''
  const lines = found.text.split('\n')
  const first = Math.min(...ranges.map(({ start }) => start))
  const last = Math.min(Math.max(...ranges.map(({ end }) => end)), lines.length)
  if (first < 1 || first > lines.length) return ''
  let [from, to] = [first, last]
  const wanted = first === last ? 4 : 2
  for (let added = 0; added < wanted; added += 1) {
    if (from > 1) {
      from -= 1
      added += 1
    }
    if (to !== lines.length) {
      to += 1
      added += 1
    }
  }
  const isMeant = (line: number) => ranges.some(({ start, end }) => start <= line && line <= end)
  const shown = lines.slice(from - 1, to).map((text, index) => {
    const line = from + index
    return ` ${String(line).padStart(3)} | ${isMeant(line) ? '>>>' : '   '} ${text}\n`
  })
  return `${fileOf(found.file)}:${first}\n${RULE}\n${shown.join('')}${RULE}\n`
}
