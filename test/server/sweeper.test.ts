import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from '../../src/client/index.js';
import { stowkenAt } from '../cli/support/stowken.js';
import { startStowken } from '../support/process.js';
import { scrape } from '../support/prometheus.js';
import { eventually } from '../support/wait.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'stowken-sweep-'))));
afterEach(() => rmSync(folder, { recursive: true }));

it('deletes what has expired under a server with workers, says what is left, and keeps usage', async () => {
  const flags = ['--workers', '2', '--sweep-interval', '1', '--metrics', '127.0.0.1:0'];
  const server = await startStowken('--data', folder, ...flags);
  const client = connect({ server: server.address });
  const run = stowkenAt(server.address);
  const status = async () =>
    JSON.parse((await run(['retention', 'status', '--json'])).stdout) as Record<string, unknown>;
  try {
    const store = (id: string, expireTimeMs?: number) =>
      client.store({
        conversation: { id, expireTimeMs, metadata: { user: id } },
        messages: [{ role: 'user', tokens: [1, 2, id.length] }],
      });
    await store('stays');
    for (const id of ['a', 'bb', 'ccc']) await store(id, Date.now());
    await expect(client.get('a')).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
    const lifetimes = [{ label: 'user', value: 'old', lifetimeMs: 1 }];
    await store('old');
    await client.admin.updateVault('default', { settings: { lifetimes } });
    await eventually(async () => expect(await status()).toMatchObject({ swept_conversations: 4 }));
    await eventually(async () =>
      expect((await scrape(server.metrics)).sum('stowken_vault_expired_conversations')).toBe(0),
    );
    const found = await scrape(server.metrics);
    expect(found.sum('stowken_swept_conversations_total', { vault: 'default' })).toBe(4);
    expect(found.sum('stowken_task_failures_total', { task: 'sweep' })).toBe(0);
    expect(found.sum('stowken_sweep_interval_seconds')).toBe(1);
    expect(await status()).toMatchObject({ expired_conversations: 0, sweep_interval_seconds: 1 });
    expect((await run(['retention', 'status'])).stdout).toMatch(/^expired, not deleted: 0 conversations\n/);
    expect((await client.stats()).conversations).toBe(1);
    const [usage] = await client.usage({ groupBy: [] });
    expect(usage).toMatchObject({ conversations: 5 });
  } finally {
    client.close();
    expect(await server.kill('SIGTERM')).toBe(0);
  }
});
