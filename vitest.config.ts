import { defineConfig } from 'vitest/config';
import { slowTests } from './test/slow.js';

/** Limit that only a hang comes to: no test takes as long, also on a machine that is ten times slower. */
const HANG_MS = 30 * 60_000;

const slow = Object.keys(slowTests);

export default defineConfig({
  test: {
    // Tests run real servers and real stores; two cores are the smallest machine.
    maxWorkers: 2,
    testTimeout: HANG_MS,
    hookTimeout: HANG_MS,
    teardownTimeout: HANG_MS,
    expect: { poll: { timeout: HANG_MS, interval: 20 } },
    pool: 'forks',
    globalSetup: ['test/support/build.ts'],
    // Stack traces of the processes and threads that tests start name the sources.
    env: { NODE_OPTIONS: '--enable-source-maps' },
    projects: [
      { extends: true, test: { name: 'fast', include: ['test/**/*.test.ts'], exclude: slow } },
      { extends: true, test: { name: 'slow', include: slow } },
    ],
  },
});
