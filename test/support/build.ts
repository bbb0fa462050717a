import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import type { TestProject } from 'vitest/node';

/**
 * Brings build/ up to date before tests run, and before each run of a watching vitest. Threads and processes
 * that tests start are loaded from build/, so they run the sources beside the test. A failed build ends it.
 */
export default function setup(project: TestProject): void {
  build();
  project.onTestsRerun(async () => build());
}

function build(): void {
  const root = resolve(import.meta.dirname, '../..');
  execFileSync(process.execPath, [resolve(root, 'build.mjs'), 'bench', 'test'], { stdio: 'inherit' });
}
