import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { longTests, slowTests } from './test/slow.js';

/** Limit that only a hang comes to: no test takes as long, also on a machine that is ten times slower. */
const HANG_MS = 30 * 60_000;

const slow = Object.keys(slowTests);
const long = Object.keys(longTests);

/** Projects in the order in which they start. */
const projectOrder: readonly string[] = ['slow', 'long', 'fast'];

/**
 * Starts the files that take longest first, so that none of them is left alone at the end. Keeps the files
 * of a project together: a process ends when the next file is of another one. With `--sequence.seed`, the
 * files of a project come in a random order, which shows a file that depends on what another has left.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { seed } = this.ctx.config.sequence as { seed?: number };
    const listed = [...slow, ...long];
    const place = ({ moduleId }: TestSpecification) => {
      const found = listed.indexOf(relative(import.meta.dirname, moduleId));
      return found < 0 ? listed.length : found;
    };
    const draw = ({ moduleId }: TestSpecification) =>
      createHash('sha256')
        .update(`${seed} ${relative(import.meta.dirname, moduleId)}`)
        .digest()
        .readUInt32BE();
    const inProject = seed === undefined ? place : draw;
    const project = (file: TestSpecification) => projectOrder.indexOf(file.project.name);
    return files.sort((a, b) => project(a) - project(b) || inProject(a) - inProject(b));
  }
}

/** Settings of every project. */
const common = {
  testTimeout: HANG_MS,
  hookTimeout: HANG_MS,
  expect: { poll: { timeout: HANG_MS, interval: 20 } },
  pool: 'forks',
  // A process for each file would load the sources each time.
  isolate: false,
  setupFiles: 'test/support/equality.ts',
} as const;

export default defineConfig({
  test: {
    // Tests run real servers and real stores; two cores are the smallest machine.
    maxWorkers: 2,
    teardownTimeout: HANG_MS,
    sequence: { sequencer: LongestFirst },
    // Once for all projects: each project that had them too would run them again.
    globalSetup: ['test/support/build.ts', 'test/support/postgres.ts'],
    projects: [
      // Three at once, since they often wait for the processes that they start.
      { test: { ...common, name: 'slow', include: slow, maxWorkers: 3, sequence: { groupOrder: 0 } } },
      { test: { ...common, name: 'long', include: long, sequence: { groupOrder: 1 } } },
      {
        test: {
          ...common,
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [...slow, ...long],
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
