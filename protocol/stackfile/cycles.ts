/** Finds circles among the dependencies of services. */

/** Each circle once, as `[a, b, a]`, starting from the first name in the alphabet that reaches it. */
export function findCycles(dependencies: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (name: string): void => {
    const start = path.indexOf(name)
    if (start !== -1) {
      cycles.push([...path.slice(start), name])
      return
    }
    if (done.has(name)) return
    path.push(name)
    for (const dependency of [...(dependencies.get(name) ?? [])].sort()) visit(dependency)
    path.pop()
    done.add(name)
  }
  for (const name of [...dependencies.keys()].sort()) visit(name)
  return cycles
}
