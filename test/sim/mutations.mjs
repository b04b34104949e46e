// Bugs planted in the source itself, where nothing that is handed in could carry them: what a file says, and what it says then.
export const MUTATIONS = {
  /** A restart starts what runs, which is nothing, and is called done. */
  'restart-skipped': [
    {
      file: /perform\/containers\.ts$/,
      from: 'await stop(body.id, performance)\n  if (Object.hasOwn',
      to: 'if (Object.hasOwn',
    },
  ],
  /** The loop as it was before it knew that the lists of an Engine may be older than its events. */
  'lists-believed': [
    {
      file: /reconcile\/stack-loop\.ts$/,
      from: 'const SETTLE_MS = [300, 1500, 6000] as const',
      to: 'const SETTLE_MS = [300] as const',
    },
    { file: /reconcile\/list-settling\.ts$/, from: 'if (ends === undefined) return', to: 'return' },
  ],
}
