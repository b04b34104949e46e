/** One finding as a person reads it: place and message, the line with a caret under what is meant, the hint. */
import type { Finding } from '../problems.ts'

export function formatFinding(finding: Finding): string {
  const { place, message, hint, path } = finding
  const where = place === undefined ? (path ?? '') : `${place.file}:${place.line}:${place.column}`
  const lines = [where === '' ? message : `${where}: ${message}`]
  if (place?.excerpt !== undefined) {
    const number = String(place.line)
    const { text, length } = place.excerpt
    // Tabs stay tabs, so that the caret stands under its column whatever width the terminal gives them.
    const indent = text.slice(0, place.column - 1).replace(/[^\t]/g, ' ')
    lines.push(`  ${number} | ${text}`, `  ${' '.repeat(number.length)} | ${indent}${'^'.repeat(length)}`)
  }
  if (hint !== undefined) lines.push(`  hint: ${hint}`)
  return lines.join('\n')
}
