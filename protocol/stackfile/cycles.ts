/** Finds circles among the dependencies of services. */

/** Each circle once, as `[a, b, a]`, starting from the first name in the alphabet that reaches it. */
export function findCycles(dependencies: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = []
  const done = new Set<string>()
  // A chain may have more links than the call stack has frames.
  const path: { readonly name: string; readonly next: Iterator<string> }[] = []
  const places = new Map<string, number>()
  const enter = (name: string): void => {
    places.set(name, path.length)
    path.push({ name, next: [...(dependencies.get(name) ?? [])].sort().values() })
  }
  for (const root of [...dependencies.keys()].sort()) {
    if (!done.has(root)) enter(root)
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { value: name, done: isLast } = top.next.next()
      if (isLast === true) {
        path.pop()
        places.delete(top.name)
        done.add(top.name)
        continue
      }
      const start = places.get(name)
      if (start !== undefined) cycles.push([...path.slice(start).map((step) => step.name), name])
      else if (!done.has(name)) enter(name)
    }
  }
  return cycles
}
