import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { connect } from '../../../src/client/index.js';
import { openFilesystemBackend } from '../../../src/storage/index.js';
import { codec, core } from '../../contract/support.js';
import { startStowken } from '../../support/process.js';
import { sampleOr } from '../../support/sample.js';
import { eventually } from '../../support/wait.js';

const rounds = sampleOr(2, 20);
const folder = mkdtempSync(join(tmpdir(), 'stowken-kill-'));
afterAll(() => rmSync(folder, { recursive: true }));

const shared = Uint32Array.from({ length: 200 }, (_, index) => index);
const messagesOf = (n: number) => [
  { role: 'system', tokens: shared },
  ...Array.from({ length: n % 5 }, (_, index) => ({ role: 'user', tokens: Uint32Array.of(n, index) })),
];

describe('kill -9 of a server on a filesystem vault', () => {
  it(`leaves a whole vault with all that was acknowledged, ${rounds} times`, async () => {
    const stored = new Set<string>();
    const deleted = new Set<string>();
    let next = 0;
    for (let round = 0; round < rounds; round++) {
      const server = await startStowken('--data', folder, '--storage', 'filesystem');
      const client = connect({ server: server.address, retry: { attemptsMax: 1, backoffMs: 0 } });
      let alive = true;
      const working = Array.from({ length: 8 }, async () => {
        while (alive) {
          const n = next++;
          const id = `c/${n}`;
          try {
            await client.store({ conversation: { id }, messages: messagesOf(n) });
            stored.add(id);
            if (n % 4 !== 0) continue;
            // From here on it may be stored or not.
            stored.delete(id);
            await client.delete(id);
            deleted.add(id);
          } catch {
            alive = false; // The server has gone.
          }
        }
      });
      const enough = deleted.size + 5 + Math.floor(Math.random() * 50);
      await eventually(() => expect(deleted.size).toBeGreaterThanOrEqual(enough));
      await server.kill('SIGKILL');
      await Promise.all(working);
      client.close();

      const backend = await openFilesystemBackend({ folder, codec, core, clock: Date.now });
      expect(await backend.check()).toEqual([]);
      for (const id of stored) expect(await backend.getConversation(id), id).toBeDefined();
      for (const id of deleted) expect(await backend.getConversation(id), id).toBeUndefined();
      await backend.close();
    }
  });
});
