/** Resolves when all promises that can go on by themselves have gone on: no time passes. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
