import { relative } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { slowTests } from './test/slow.js';

/** Limit that only a hang comes to: no test takes as long, also on a machine that is ten times slower. */
const HANG_MS = 30 * 60_000;

const slow = Object.keys(slowTests);

/** Starts the files that take longest first, so that none of them is left alone at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = slow.indexOf(relative(import.meta.dirname, moduleId));
      return found < 0 ? slow.length : found;
    };
    return files.sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    // Tests run real servers and real stores; two cores are the smallest machine.
    maxWorkers: 2,
    testTimeout: HANG_MS,
    hookTimeout: HANG_MS,
    teardownTimeout: HANG_MS,
    expect: { poll: { timeout: HANG_MS, interval: 20 } },
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    globalSetup: ['test/support/build.ts', 'test/support/postgres.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: slow,
          // A process for each file would load the sources each time, which takes longer than most files.
          isolate: false,
        },
      },
      { extends: true, test: { name: 'slow', include: slow } },
    ],
  },
});
