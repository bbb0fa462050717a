import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { connect } from '../../src/client/index.js';
import { RunningWork } from '../../src/vaults/index.js';
import { startStowken } from '../support/process.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-work-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('lists the work of a vault from its beginning to its end, in order', () => {
  let nowMs = 1;
  const work = new RunningWork(() => nowMs++);
  const ends = [work.begin('a', 'gc'), work.begin('a', 'backup'), work.begin('b', 'gc')];
  expect(work.of('a')).toEqual([
    { task: 'gc', startMs: 1 },
    { task: 'backup', startMs: 2 },
  ]);
  ends[0]!();
  ends[0]!();
  expect(work.of('a')).toEqual([{ task: 'backup', startMs: 2 }]);
  for (const end of ends) end();
  expect([work.of('a'), work.of('b'), work.of('c')]).toEqual([[], [], []]);
});

it.each([
  ['one process', []],
  ['workers', ['--workers', '2']],
])('a server of %s tells which work is under way', async (name, flags) => {
  const server = await startStowken('--data', join(folder, name), ...flags);
  const clients = Array.from({ length: 2 }, () => connect({ server: server.address }));
  const [client, other] = clients as [(typeof clients)[0], (typeof clients)[0]];
  try {
    for (let n = 0; n < 200; n += 1)
      await client.store({
        conversation: { id: `c${n}` },
        messages: [
          { role: 'user', tokens: Uint32Array.from({ length: 20_000 }, (_, at) => (at * (n + 7)) >>> 0) },
        ],
      });
    const tasks = async () => (await other.admin.getVault('default')).work.map(({ task }) => task);
    expect(await tasks()).toEqual([]);
    // A stream that is not read to its end is under way.
    const backup = client.backup();
    await backup.next();
    await expect.poll(tasks).toEqual(['backup']);
    const [work] = (await other.admin.getVault('default')).work;
    expect(Math.abs(work!.startTimeMs - Date.now())).toBeLessThan(600_000);
    await backup.return();
    await expect.poll(tasks).toEqual([]);
    for await (const part of client.verify()) expect(part).toBeDefined();
    for await (const part of client.collectGarbage()) expect(part).toBeDefined();
    await expect.poll(tasks).toEqual([]);
  } finally {
    for (const each of clients) each.close();
    await server.kill('SIGTERM');
  }
});
