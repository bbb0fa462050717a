import { afterAll, beforeAll, expect } from 'vitest';
import type { RunningServer } from '../../../src/cli/index.js';
import { startTestServer } from '../support/start-server.js';
import { jsonLines, stowkenAt } from '../support/stowken.js';

/** Writes documents as the lines of a file. */
export const lines = (documents: readonly unknown[]) =>
  documents.map((each) => `${JSON.stringify(each)}\n`).join('');

/** A server for the tests of a file, and the commands that talk to it. */
export function importServer() {
  let server: RunningServer;
  beforeAll(async () => void (server = await startTestServer()));
  afterAll(() => server.stop());
  const run: ReturnType<typeof stowkenAt> = (...input) => stowkenAt(server.address)(...input);
  return {
    run,
    address: () => server.address,
    /** Returns the lines that an export gives back. */
    same: async (...flags: string[]): Promise<unknown[]> => {
      const { code, stdout, stderr } = await run(['export', '--format', 'same', ...flags]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return jsonLines(stdout);
    },
  };
}
