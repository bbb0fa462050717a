import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { startStowken } from '../support/process.js';
import { type CliResult, jsonLines, stowkenAt } from './support/stowken.js';

let folder: string;
let server: Awaited<ReturnType<typeof startStowken>>;
let client: StowkenClient;
let run: (args: readonly string[]) => Promise<CliResult>;
const system = Array.from({ length: 600 }, (_, at) => 1000 + at);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stowken-warm-'));
  server = await startStowken('--data', folder, '--workers', '2');
  client = connect({ server: server.address });
  run = stowkenAt(server.address);
  for (const id of ['a', 'b', 'c']) {
    const messages = [
      { role: 'system', tokens: system },
      { role: 'user', tokens: [id.charCodeAt(0)] },
    ];
    await client.store({ conversation: { id, application: 'agents' }, messages });
  }
});
afterAll(async () => {
  client.close();
  await server.kill('SIGTERM');
  rmSync(folder, { recursive: true });
});

it('lists the prefixes most worth keeping, for people and with token ids', async () => {
  const [found, ...others] = jsonLines((await run(['warm', '--json'])).stdout);
  expect(others).toEqual([]);
  expect(found).toMatchObject({ application: 'agents', token_count: 512, conversations: 3 });
  expect(found).toMatchObject({ conversation_id: 'c', tokens: system.slice(0, 512) });
  const [without] = jsonLines((await run(['warm', '--json', '--no-tokens'])).stdout);
  expect(without).not.toHaveProperty('tokens');
  expect((await run(['warm', '--application', 'agents', '--within', '1h'])).stdout).toMatch(
    /TOKENS.*\n +512 +3 +agents/,
  );
  expect((await run(['warm', '--min-tokens', '513'])).stdout).toBe('no prefix recurs\n');
});

it('lists the conversations of a shared prompt, and counts them by day', async () => {
  const [prompt] = jsonLines((await run(['prompts', '--json'])).stdout) as { readonly hash: string }[];
  const uses = jsonLines((await run(['prompts', prompt!.hash, '--json'])).stdout);
  expect(uses).toMatchObject(
    ['c', 'b', 'a'].map((id) => ({ conversation_id: id, message_index: 0, role: 'system' })),
  );
  expect((await run(['prompts', prompt!.hash, '--limit', '2'])).stdout.trim().split('\n')).toHaveLength(2);
  const days = jsonLines((await run(['prompts', prompt!.hash, '--by-day', '--json'])).stdout);
  const sum = (days as { readonly conversations: number }[]).reduce((all, day) => all + day.conversations, 0);
  expect(sum).toBe(3);
  const there = await run(['prompts', prompt!.hash, '--by-day', '--zone', 'Pacific/Kiritimati']);
  expect(there.stdout).toMatch(/^\d{4}-\d\d-\d\d +3\n$/);
  expect(await run(['prompts', prompt!.hash, '--zone', 'UTC'])).toMatchObject({ code: 2 });
  expect((await run(['prompts', '--by-day'])).code).not.toBe(0);
  expect(await run(['prompts', prompt!.hash.slice(0, 12)])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('prompts --json has them') as string,
  });
  expect((await run(['prompts', 'f'.repeat(64)])).stderr).toContain('SEGMENT_NOT_FOUND');
});
