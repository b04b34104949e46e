/** Makes the files of an input shorter for as long as the same rule stays broken: halves, quarters, lines, characters. */
import type { Input } from './inputs.ts'

export function shrink(input: Input, isBroken: (input: Input) => boolean, deadlineMs: number): Input {
  const end = Date.now() + deadlineMs
  let best = input
  const attempt = (candidate: Input): boolean => {
    if (Date.now() > end || !isBroken(candidate)) return false
    best = candidate
    return true
  }
  for (const path of Object.keys(best.files)) {
    const { [path]: _, ...files } = best.files
    if (!path.endsWith('/compose.yaml')) attempt({ ...best, files })
  }
  attempt({ ...best, environment: {} })
  attempt({ ...best, options: {} })
  for (const path of Object.keys(best.files)) {
    const write = (text: string): Input => ({ ...best, files: { ...best.files, [path]: text } })
    for (const separator of ['\n', '']) {
      let size = Math.ceil(best.files[path]!.split(separator).length / 2)
      while (size >= 1 && Date.now() < end) {
        const parts = best.files[path]!.split(separator)
        let removed = false
        for (let at = 0; at < parts.length && Date.now() < end; ) {
          const rest = [...parts.slice(0, at), ...parts.slice(at + size)]
          if (attempt(write(rest.join(separator)))) {
            parts.splice(at, size)
            removed = true
          } else at += size
        }
        if (!removed || size > 1) size = size === 1 ? 0 : Math.ceil(size / 2)
        if (size === 1 && parts.length <= 1) break
      }
    }
  }
  return best
}
