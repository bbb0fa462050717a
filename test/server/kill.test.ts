import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/index.js';
import { startStowken } from '../support/process.js';
import { sampleOr } from '../support/sample.js';
import { eventually } from '../support/wait.js';

const rounds = sampleOr(3, 20);
const folder = mkdtempSync(join(tmpdir(), 'stowken-kill-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Messages of conversation `n`: a shared beginning, and tokens of its own. */
function messagesOf(n: number) {
  const shared = Uint32Array.from({ length: 200 }, (_, i) => i);
  return [
    { role: 'system', tokens: shared },
    ...Array.from({ length: n % 7 }, (_, i) => ({ role: 'user', tokens: Uint32Array.of(n, i, 0xffffffff) })),
  ];
}

describe('kill -9 in the middle of an import', () => {
  it(`loses nothing that was acknowledged and leaves nothing half-stored, ${rounds} times`, async () => {
    const acknowledged = new Set<number>();
    let next = 0;
    for (let round = 0; round < rounds; round++) {
      const server = await startStowken('--data', folder);
      const client = connect({ server: server.address, retry: { attemptsMax: 1, backoffMs: 0 } });
      let alive = true;
      const storing = Array.from({ length: 16 }, async () => {
        while (alive) {
          const n = next++;
          try {
            await client.store({ conversation: { id: `c${n}` }, messages: messagesOf(n) });
            acknowledged.add(n);
          } catch {
            alive = false; // The server has gone.
          }
        }
      });
      const enough = acknowledged.size + 50 + Math.floor(Math.random() * 500);
      await eventually(() => expect(acknowledged.size).toBeGreaterThanOrEqual(enough));
      await server.kill('SIGKILL');
      await Promise.all(storing);
      client.close();
    }

    const server = await startStowken('--data', folder);
    const client = connect({ server: server.address });
    try {
      let listed = 0;
      for await (const { id } of client.list()) {
        listed++;
        const n = Number(id.slice(1));
        const messages: unknown[] = [];
        for await (const part of client.read(id, { encoding: 'tokens' })) {
          if (part.kind === 'message') messages.push({ role: part.role, tokens: part.content });
        }
        expect(messages).toEqual(messagesOf(n));
        acknowledged.delete(n);
      }
      expect(acknowledged).toEqual(new Set());
      expect(await client.stats()).toMatchObject({ conversations: listed });
    } finally {
      client.close();
      expect(await server.kill('SIGTERM')).toBe(0);
    }
  });
});

describe('servers that start at once on the folder of a killed one', () => {
  it('are one that serves, and others that are refused', async () => {
    const killed = await startStowken('--data', folder);
    await killed.kill('SIGKILL');
    const starts = await Promise.allSettled(Array.from({ length: 4 }, () => startStowken('--data', folder)));
    const serving = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    expect(serving).toHaveLength(1);
    expect(await serving[0]!.kill('SIGTERM')).toBe(0);
  });
});
