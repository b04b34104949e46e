/** Sizes in Docker's words (docker/go-units). */

const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** Powers of 1000, three digits: `1.36kB`. */
export const decimalSize = (bytes: number): string => sized(bytes, 1000, DECIMAL, 3)

/** Powers of 1024, four digits: `9.125MiB`. */
export const binarySize = (bytes: number): string => sized(bytes, 1024, BINARY, 4)

function sized(bytes: number, base: number, units: readonly string[], digits: number): string {
  let value = bytes
  let unit = 0
  while (value >= base && unit < units.length - 1) {
    value /= base
    unit += 1
  }
  return `${significant(value, digits)}${units[unit]}`
}

/** As Go's `%.4g`: so many digits, no zeros at the end, and an exponent where the digits do not reach. */
function significant(value: number, digits: number): string {
  const rounded = Number(value.toPrecision(digits))
  return rounded >= 10 ** digits ? rounded.toExponential().replace(/e\+(\d)$/, 'e+0$1') : String(rounded)
}
