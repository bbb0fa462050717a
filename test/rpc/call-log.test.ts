import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/wait.js';
import { frame, Http2Client } from './support/http2.js';
import { startTestServer, type TestServer } from './support/server.js';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const [warn, debug] = [40, 20];
const store = { conversation: { id: 'secret-id' }, messages: [{ role: 'user', tokens: { ids: [4711] } }] };
const linesOf = (log: readonly Record<string, unknown>[]) =>
  log.filter(({ msg }) => msg === 'a slow call' || msg === 'call');

describe('the log of calls', () => {
  it('names slow ones as warnings, with the caller and the vault, and nothing that they hold', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stowken-call-log-'));
    const tokenFile = join(folder, 'tokens.json');
    const token = 'stk_secret-token-of-the-test';
    const sha256 = createHash('sha256').update(token).digest('hex');
    const grants = [{ rights: ['write'], vaults: ['default'] }];
    writeFileSync(tokenFile, JSON.stringify({ tokens: [{ name: 'ingest', sha256, grants }] }));
    try {
      const identity = { tokenFile, jwt: undefined };
      const access = { identity, openHealth: true, openReflection: false };
      server = await startTestServer({}, { slowCallMs: 0, access });
      const client = server.client.withToken(token);
      await client.unary('StoreConversation', store);
      await client.refused('GetConversation', { id: 'secret-id' });
      await client.refused('StoreConversation', { ...store, vault: 'secret vault!' });
      await server.client.refused('StoreConversation', store);
      const { log } = server;
      await eventually(() => expect(linesOf(log)).toHaveLength(4));
      const path = (method: string) => `/stowken.v1.ConversationService/${method}`;
      expect(linesOf(log)).toMatchObject([
        { level: warn, method: path('StoreConversation'), vault: 'default', status: 'OK', caller: 'ingest' },
        { level: warn, method: path('GetConversation'), status: 'PERMISSION_DENIED' },
        { level: warn, method: path('StoreConversation'), status: 'PERMISSION_DENIED', caller: 'ingest' },
        { level: warn, method: path('StoreConversation'), status: 'UNAUTHENTICATED' },
      ]);
      const [first] = linesOf(log);
      expect(first!['durationMs']).toBeGreaterThan(0);
      expect(first!['receivedBytes']).toBeGreaterThan(10);
      expect(first!['sentBytes']).toBeGreaterThan(10);
      expect(JSON.stringify(linesOf(log))).not.toMatch(/secret|4711|stk_/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has all calls at debug, and none of them slow before its time', async () => {
    server = await startTestServer({}, { slowCallMs: 3_600_000 });
    await server.client.unary('StoreConversation', store);
    const { log } = server;
    await eventually(() =>
      expect(linesOf(log)).toMatchObject([{ level: debug, msg: 'call', vault: 'default' }]),
    );
  });

  it('has no word of a method that the server does not have', async () => {
    server = await startTestServer({}, { slowCallMs: 0 });
    const raw = new Http2Client(server.address);
    try {
      await raw.status('/secret.Service/Word', frame(Buffer.alloc(0)));
      const { log } = server;
      await eventually(() =>
        expect(linesOf(log)).toMatchObject([{ method: '_OTHER', status: 'UNIMPLEMENTED' }]),
      );
      expect(JSON.stringify(linesOf(log))).not.toContain('secret');
    } finally {
      raw.destroy();
    }
  });

  it('has nothing at info unless there is a limit', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
    server = await startTestServer({}, { logger });
    await server.client.unary('StoreConversation', store);
    await server.stop();
    server = undefined;
    expect(lines).toEqual([]);
  });
});
