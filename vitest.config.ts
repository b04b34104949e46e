import { defineConfig } from 'vitest/config'

/** Engines are shared by the suites that need them, so those run one file at a time. */
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
          fileParallelism: false,
        },
      },
      // It takes all cores: it runs when the others are done.
      { test: { name: 'sim', include: ['test/sim/**/*.test.ts'], sequence: { groupOrder: 1 } } },
    ],
  },
})
