import { defineConfig } from 'vitest/config';

/** Ends a test that hangs. Far more than the longest one takes on a machine that is ten times slower: no test is decided by it. */
const HANG_MS = 30 * 60_000;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Tests run real servers and real stores; two cores are the smallest machine.
    maxWorkers: 2,
    testTimeout: HANG_MS,
    hookTimeout: HANG_MS,
    teardownTimeout: HANG_MS,
    expect: { poll: { timeout: HANG_MS, interval: 20 } },
    pool: 'forks',
  },
});
