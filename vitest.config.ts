import { defineConfig } from 'vitest/config'

/** Each project when the ones before are done. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: {
          name: 'engine',
          include: ['test/contract/**/*.test.ts', 'test/engine/**/*.test.ts', 'test/cli/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          // They share an Engine, on which each has names and ports of its own. Mostly they wait: two at a time.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { name: 'sim', include: ['test/sim/**/*.test.ts'], sequence: { groupOrder: 2 } } },
    ],
  },
})
