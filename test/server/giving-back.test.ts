import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from '../../src/client/index.js';
import { stowkenAt } from '../cli/support/stowken.js';
import { Random } from '../crash/random.js';
import { startStowken } from '../support/process.js';
import { scrape } from '../support/prometheus.js';
import { eventually } from '../support/wait.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'stowken-space-'))));
afterEach(() => rmSync(folder, { recursive: true }));

interface Space {
  readonly allocated_bytes: number;
  readonly in_use_bytes: number;
  readonly given_back_bytes: number;
  readonly unsupported?: string;
}

it('erases under a server with workers, with a receipt, and gives the space back without a restart', async () => {
  const flags = ['--workers', '2', '--give-back-interval', '1', '--metrics', '127.0.0.1:0'];
  const server = await startStowken('--data', folder, ...flags);
  const client = connect({ server: server.address });
  const run = stowkenAt(server.address);
  const json = async (args: readonly string[]) => {
    const { stdout, stderr } = await run([...args, '--json']);
    expect(stderr).not.toMatch(/^stowken: /m);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  try {
    const random = new Random(5);
    const tokens = () => Array.from({ length: 5000 }, () => random.below(100_000));
    const store = (at: number) =>
      client.store({
        conversation: { id: `c${at}`, metadata: { user: at % 10 === 0 ? 'stays' : 'gone' } },
        messages: [{ role: 'user', tokens: tokens() }],
      });
    await Promise.all(Array.from({ length: 200 }, (_, at) => store(at)));
    const plan = await json(['erase', '--label', 'user=gone', '--dry-run']);
    expect(plan).toMatchObject({ dry_run: true, complete: false, conversations: 180 });
    const receipt = await json(['erase', '--label', 'user=gone']);
    expect(receipt).toMatchObject({ complete: true, conversations: 180, violations: 0, gaps: [] });
    const again = await run(['erase', '--label', 'user=gone']);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/check of every record: all whole\ncomplete at /);

    const space = async () => (await json(['retention', 'status']))['space'] as Space;
    const { unsupported } = await space();
    if (unsupported === undefined) {
      await eventually(async () => {
        const { allocated_bytes, in_use_bytes, given_back_bytes } = await space();
        expect(allocated_bytes).toBeLessThanOrEqual(1.5 * in_use_bytes);
        expect(given_back_bytes).toBeGreaterThan(1_000_000);
      });
      const { allocated_bytes } = await space();
      expect(statSync(join(folder, 'vault.mdb')).blocks * 512).toBeLessThanOrEqual(2 * allocated_bytes);
      const found = await scrape(server.metrics);
      expect(found.sum('stowken_given_back_bytes_total', { vault: 'default' })).toBeGreaterThan(1_000_000);
      expect((await run(['retention', 'status'])).stdout).toMatch(
        /\nspace: .* in use, .* on the disk; given back/,
      );
    }
    expect(await client.stats()).toMatchObject({ conversations: 20, garbageSegments: 0 });
    for (let at = 0; at < 200; at += 10) await client.get(`c${at}`);
  } finally {
    client.close();
    expect(await server.kill('SIGTERM')).toBe(0);
  }
});
