import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { startTestServer, type TestServer } from '../rpc/support/server.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-client-token-'));
afterAll(() => rmSync(folder, { recursive: true }));

let server: TestServer;
let client: StowkenClient;
let current = '';
beforeEach(async () => {
  const tokenFile = join(folder, 'tokens.json');
  const sha256 = createHash('sha256').update('right').digest('hex');
  const grants = [{ rights: ['read', 'write'], vaults: ['default'] }];
  writeFileSync(tokenFile, JSON.stringify({ tokens: [{ name: 'a', sha256, grants }] }));
  const access = { identity: { tokenFile }, openHealth: true, openReflection: false };
  server = await startTestServer({}, { access });
  client = connect({ server: server.address, token: () => Promise.resolve(current) });
});
afterEach(async () => {
  client.close();
  await server.stop();
});

async function all(items: AsyncIterable<unknown>): Promise<void> {
  for await (const item of items) expect(item).toBeDefined();
}

const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['one answer', () => client.stats()],
  ['a stream of answers', () => all(client.segments.get(['a'.repeat(64)]))],
  [
    'a stream of requests',
    () => client.upload({ conversation: { id: 'u' }, messages: [{ role: 'user', tokens: [1] }] }),
  ],
];

it.each(calls)('asks for the token of each call with %s', async (_what, call) => {
  current = 'wrong';
  await expect(call()).rejects.toMatchObject({ reason: 'UNAUTHENTICATED', codeName: 'UNAUTHENTICATED' });
  current = 'right';
  await call();
  current = 'a b';
  await expect(call()).rejects.toMatchObject({ reason: 'INVALID_FIELD', metadata: { field: 'token' } });
});

it('passes on the failure of the function that gives tokens', async () => {
  const failure = new Error('the keeper of tokens is away');
  const failing = connect({ server: server.address, token: () => Promise.reject(failure) });
  await expect(failing.stats()).rejects.toBe(failure);
  failing.close();
});
