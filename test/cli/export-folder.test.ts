import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/index.js';
import { startTestServer } from './support/start-server.js';
import { type CliResult, stowkenAt } from './support/stowken.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-export-folder-'));
let server: RunningServer;
let run: (args: readonly string[], stdin?: string) => Promise<CliResult>;

beforeAll(async () => {
  server = await startTestServer();
  run = stowkenAt(server.address);
  const lines = [1, 2, 3].map((id) => JSON.stringify({ id, messages: [{ role: 'user', tokens: [id] }] }));
  expect(await run(['import', '-'], lines.join('\n'))).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('folder of an export', () => {
  it('is replaced only when asked for, without what the former export left', async () => {
    const out = join(folder, 'again');
    const again = ['export', '--format', 'npy', '--out', out];
    expect((await run([...again, '--shards', '3'])).code).toBe(0);
    expect(await run(again)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--force') as unknown,
    });
    expect((await run([...again, '--force'])).code).toBe(0);
    expect(readdirSync(out).sort()).toEqual([
      'data.ids.jsonl',
      'data.offsets.npy',
      'data.tokens.npy',
      'export.json',
    ]);
  });

  it('has nothing of an export that fails', async () => {
    const out = join(folder, 'failed', 'today');
    const nobody = stowkenAt('127.0.0.1:1');
    expect((await nobody(['export', '--format', 'mds', '--out', out])).code).toBe(1);
    expect(existsSync(join(folder, 'failed'))).toBe(false);
    mkdirSync(out, { recursive: true });
    expect((await nobody(['export', '--format', 'mds', '--out', out])).code).toBe(1);
    expect(readdirSync(out)).toEqual([]);
  });

  it.each([
    [['--format', 'arrow'], '--out'],
    [['--out', 'x'], '--format'],
    [['--shards', '2'], '--format'],
    [['--format', 'arrow', '--out', 'x', '--tokens'], '--tokens'],
    [['--format', 'arrow', '--out', 'x', '--turns', 'last'], '--turns'],
    [['--format', 'arrow', '--out', 'x', '--split', 'a=1,a=2'], 'NAME=SHARE'],
    [['--format', 'arrow', '--out', 'x', '--split', '../a=1'], 'NAME=SHARE'],
    [['--format', 'word', '--out', 'x'], 'megatron'],
  ])('refuses %j', async (args, words) => {
    expect(await run(['export', ...args])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(words) as unknown,
    });
  });
});
