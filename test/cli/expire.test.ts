import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import type { RunningServer } from '../../src/cli/index.js';
import { startTestServer } from './support/start-server.js';
import { type CliResult, stowkenAt } from './support/stowken.js';

let server: RunningServer;
let client: StowkenClient;
let run: (args: readonly string[]) => Promise<CliResult>;

beforeAll(async () => {
  server = await startTestServer();
  client = connect({ server: server.address });
  run = stowkenAt(server.address);
});
afterAll(async () => {
  client.close();
  await server.stop();
});

async function ids(): Promise<string[]> {
  const found: string[] = [];
  for await (const { id } of client.list({ order: 'oldestFirst' })) found.push(id);
  return found;
}

it('deletes by age or by expire time, of those that the filters choose', async () => {
  const dayMs = 86_400_000;
  const store = (id: string, expireTimeMs: number | undefined, user: string) =>
    client.store({ conversation: { id, expireTimeMs, metadata: { user } }, messages: [] });
  await store('past', Date.now() - dayMs, '7');
  await store('past of another', Date.now() - dayMs, '8');
  await store('to come', Date.now() + dayMs, '7');
  await store('never', undefined, '7');
  const answer = async (...args: string[]) => {
    const { code, stdout } = await run(['expire', '--json', ...args]);
    return { code, ...(JSON.parse(stdout) as { dry_run: boolean; conversations: number }) };
  };
  // The two that have expired cannot be read any more, and are there until they are deleted.
  expect(await ids()).toEqual(['to come', 'never']);
  expect(await answer('--dry-run')).toMatchObject({ code: 0, dry_run: true, conversations: 2 });
  expect(await answer('--metadata', 'user=7')).toMatchObject({ code: 0, dry_run: false, conversations: 1 });
  expect(await answer('--dry-run')).toMatchObject({ conversations: 1 });
  expect(await answer('--older-than', '1d')).toMatchObject({ code: 0, conversations: 0 });
  expect(await answer('--older-than', '0s', '--metadata', 'user=8')).toMatchObject({ conversations: 1 });
  expect(await answer('--dry-run')).toMatchObject({ conversations: 0 });
  expect(await ids()).toEqual(['to come', 'never']);
});
