/** Where two documents differ, and what each says there. */
export interface Difference {
  /** Within the object: `Config.StopTimeout`. */
  readonly at: string
  readonly text: string
}

export function differences(compose: unknown, ours: unknown, path: readonly string[] = []): Difference[] {
  if (isFields(compose) && isFields(ours)) {
    const names = new Set([...Object.keys(compose), ...Object.keys(ours)])
    return [...names].flatMap((name) => differences(compose[name], ours[name], [...path, name]))
  }
  const [theirText, ourText] = [JSON.stringify(compose), JSON.stringify(ours)]
  if (theirText === ourText) return []
  return [{ at: path.slice(2).join('.'), text: `${path.join(' > ')}: Compose ${theirText}, Evenkeel ${ourText}` }]
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
