/** Blanks after each column, and how wide it is at least, its blanks included. */
export interface TableStyle {
  readonly gap: number
  readonly minimum: number
}

const DOCKER: TableStyle = { gap: 3, minimum: 10 }

/** Columns as wide as their widest cell, three blanks between and ten characters at least, as Docker's tables are. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { gap, minimum }: TableStyle = DOCKER,
): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column === cells.length - 1 ? cell : cell.padEnd(Math.max(widths[column]! + gap, minimum)),
      )
      .join('')
      .trimEnd()
  return [header, ...rows].map(line).join('\n')
}

/** Of what is over; of all else nothing. */
export function tookOf({
  startedAt,
  endedAt,
}: {
  startedAt?: string | undefined
  endedAt?: string | undefined
}): string {
  if (startedAt === undefined || endedAt === undefined) return ''
  return `${((Date.parse(endedAt) - Date.parse(startedAt)) / 1000).toFixed(1)}s`
}

/** `5 minutes ago`, in Docker's words (docker/go-units). */
export function ago(iso: string, now: Date): string {
  return `${duration((now.getTime() - Date.parse(iso)) / 1000)} ago`
}

function duration(seconds: number): string {
  const count = Math.max(Math.floor(seconds), 0)
  if (count < 1) return 'Less than a second'
  if (count === 1) return '1 second'
  if (count < 60) return `${count} seconds`
  const minutes = Math.floor(count / 60)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.round(count / 3600)
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`
  return `${Math.floor(hours / 24 / 365)} years`
}
