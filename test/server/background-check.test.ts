import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from '../../src/client/index.js';
import { overwriteInPlace } from '../support/damage.js';
import { startStowken } from '../support/process.js';
import { scrape } from '../support/prometheus.js';
import { eventually } from '../support/wait.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'stowken-check-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Tokens that do not compress: four bytes each in a frame. The first bytes of two of them are given too. */
const tokens = Uint32Array.from({ length: 60 }, (_, n) => (Math.imul(n + 1, 0x9e3779b1) >>> 0) % 2 ** 31);

it('of a server with workers names damage in metrics and health, of that vault alone, until it is mended', async () => {
  const flags = ['--workers', '2', '--check-interval', '1', '--metrics', '127.0.0.1:0'];
  // Damage is logged as an error, which is expected here.
  const server = await startStowken('--data', folder, ...flags, '--log-level', 'silent');
  const client = connect({ server: server.address });
  const other = connect({ server: server.address, vault: 'other' });
  const damaged = async (vault: string) =>
    (await scrape(server.metrics)).sum('stowken_vault_damaged_records', { vault });
  try {
    await client.admin.createVault('other');
    for (const each of [client, other])
      await each.store({ conversation: { id: 'c' }, messages: [{ role: 'user', tokens }] });
    const mend = overwriteInPlace(join(folder, 'vaults', 'other', 'vault.mdb'), varint(tokens[30]!));
    await eventually(async () => {
      expect(await damaged('other')).toBeGreaterThan(0);
      expect(await other.health({ vault: 'other' })).toBe('notServing');
    });
    expect(await damaged('default')).toBe(0);
    expect(await client.health({ vault: 'default' })).toBe('serving');
    expect(await client.health()).toBe('serving');
    expect(await other.get('c')).toMatchObject({ conversation: { id: 'c' } });

    mend();
    await eventually(async () => {
      expect(await damaged('other')).toBe(0);
      expect(await other.health({ vault: 'other' })).toBe('serving');
    });
    const found = await scrape(server.metrics);
    for (const vault of ['default', 'other']) {
      expect(found.sum('stowken_check_parts_total', { vault })).toBeGreaterThan(0);
      expect(found.sum('stowken_task_failures_total', { vault, task: 'check' })).toBe(0);
      const last = found.sum('stowken_vault_last_check_timestamp_seconds', { vault })!;
      expect(Math.abs(Date.now() / 1000 - last)).toBeLessThan(3600);
    }
  } finally {
    client.close();
    other.close();
    expect(await server.kill('SIGTERM')).toBe(0);
  }
});

function varint(token: number): Buffer {
  const bytes: number[] = [];
  let rest = token;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
