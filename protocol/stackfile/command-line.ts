/**
 * A command that is written as one string, split into arguments. No shell runs: an unquoted `;`, `&`, `|`, `<` or `>`
 * ends the command, and what follows is dropped. That is Compose's own rule.
 */

export interface CommandLine {
  readonly arguments: string[]
  /** What stands after the operator that ended the command. */
  readonly dropped: string
}

const CUTTING = new Set([';', '&', '|', '<', '>'])

/** Undefined where quotes or brackets are not closed. */
export function splitCommand(line: string): CommandLine | undefined {
  const found: string[] = []
  let word = ''
  let hasWord = false
  let escaped = false
  let quote: '' | '"' | "'" = ''
  let inBackticks = false
  let inDollar = false
  let dropped = ''
  for (let index = 0; index < line.length; index += 1) {
    const character = line[index]!
    if (escaped) {
      word += character === 't' ? '\t' : character === 'n' ? '\n' : character
      escaped = false
      hasWord = true
      continue
    }
    if (character === '\\') {
      if (quote === "'") word += character
      else escaped = true
      continue
    }
    if (character === ' ' || character === '\t' || character === '\r' || character === '\n') {
      if (quote !== '' || inBackticks || inDollar) word += character
      else if (hasWord) {
        found.push(word)
        word = ''
        hasWord = false
      }
      continue
    }
    if (character === '`') {
      if (quote === '' && !inDollar) inBackticks = !inBackticks
    } else if (character === ')') {
      if (quote === '' && !inBackticks) inDollar = !inDollar
    } else if (character === '(') {
      if (quote === '' && !inBackticks) {
        if (inDollar || !word.endsWith('$')) return undefined
        inDollar = true
        word += character
        continue
      }
    } else if ((character === '"' || character === "'") && !inDollar && (quote === '' || quote === character)) {
      if (quote !== '') hasWord = true
      quote = quote === '' ? character : ''
      continue
    } else if (CUTTING.has(character) && quote === '' && !inBackticks && !inDollar) {
      // `2>` names a file descriptor, which goes with the redirection.
      if (character === '>' && /^[0-9]/.test(word)) hasWord = false
      dropped = line.slice(index)
      break
    }
    hasWord = true
    word += character
  }
  if (hasWord) found.push(word)
  if (escaped || quote !== '' || inBackticks || inDollar) return undefined
  return { arguments: found, dropped }
}
