const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** `20.97MB`: decimal, four digits, as Docker writes sizes (go-units' HumanSize). */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${Number(value.toPrecision(4))}${UNITS[unit]}`
}
