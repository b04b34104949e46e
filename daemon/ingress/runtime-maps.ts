/** Maps of a worker of HAProxy over its runtime API (management guide 2.6, 9.3): files are read when it begins, and then no more. */

interface Api {
  ask(command: string): Promise<string>
  must(command: string, expected: RegExp): Promise<void>
}

/** `worker`: `@1` is the newest, `@!PID` the one of that number. */
export async function readMap(api: Pick<Api, 'ask'>, worker: string, map: string): Promise<Map<string, string>> {
  const lines = (await api.ask(`${worker} show map ${map}`)).matchAll(/^0x\S+ (\S+) (\S+)$/gm)
  return new Map([...lines].map(([, key, value]) => [key!, value!]))
}

/** From what is there to what is wanted. */
export async function changeMap(
  api: Pick<Api, 'must'>,
  worker: string,
  map: string,
  { there, wanted }: { readonly there: ReadonlyMap<string, string>; readonly wanted: ReadonlyMap<string, string> },
): Promise<void> {
  const change = (words: string): Promise<void> => api.must(`${worker} ${words}`, /^\s*$/)
  for (const key of there.keys()) if (!wanted.has(key)) await change(`del map ${map} ${key}`)
  for (const [key, value] of wanted) {
    if (there.get(key) === value) continue
    await change(`${there.has(key) ? 'set' : 'add'} map ${map} ${key} ${value}`)
  }
}
