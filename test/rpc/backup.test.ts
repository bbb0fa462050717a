import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { openLmdbBackend } from '../../src/storage/index.js';
import { openTestVault, type TestVault } from '../support/vault.js';
import { eventually, withDeadline } from '../support/wait.js';
import { method } from './support/client.js';
import { frame, Http2Client } from './support/http2.js';
import { startTestServer, type TestServer } from './support/server.js';

let server: TestServer;
afterEach(() => server.stop());

const emptyRequest = Buffer.alloc(0);
const { path } = method('BackupVault');

describe('BackupVault', () => {
  it('is not there in memory, and says where it is', async () => {
    server = await startTestServer();
    expect(await server.client.refused('BackupVault', {})).toMatchObject({
      code: status.UNIMPLEMENTED,
      reason: 'UNSUPPORTED_BY_STORAGE',
      metadata: { operation: 'backup', storage: 'memory', storages: 'lmdb' },
    });
  });

  it('waits for a client that does not read, and ends when it leaves', async () => {
    const state = { bytes: 0, returned: false };
    server = await startTestServer({
      async *backup() {
        try {
          for (;;) {
            state.bytes += limits.backupChunkBytes;
            yield new Uint8Array(limits.backupChunkBytes);
          }
        } finally {
          state.returned = true;
        }
      },
    });
    const client = new Http2Client(server.address);
    client.open(path, frame(emptyRequest));
    await eventually(() => expect(state.bytes).toBeGreaterThanOrEqual(limits.sendQueueBytesMax));
    for (let calls = 0; calls < 100; calls++) await server.client.unary('GetStats', {});
    expect(state.bytes).toBeLessThanOrEqual(limits.sendQueueBytesMax + 2 * 1024 * 1024);
    expect(state.returned).toBe(false);
    client.destroy();
    await eventually(() => expect(state.returned).toBe(true));
  });
});

describe('BackupVault of an lmdb vault', () => {
  let folder: string;
  let t: TestVault;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowken-rpc-backup-'));
    t = await openTestVault((codec, clock) => openLmdbBackend({ folder, codec, clock }));
    server = await startTestServer({ ...t.vault });
    const ids = Array.from({ length: 500_000 }, (_, index) => (index * 2_654_435_761) % 2 ** 32);
    await server.client.unary('StoreConversation', { messages: [{ tokens: { ids } }] });
  });
  afterEach(async () => {
    await t.close();
    await rm(folder, { recursive: true, force: true });
  });

  const copies = async () => (await readdir(folder)).filter((name) => name.startsWith('backup'));

  it('streams bytes that end with their own SHA-256, and leaves nothing', async () => {
    const parts = await server.client.stream('BackupVault', {});
    const chunks = parts.map(({ data }) => data as Buffer);
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(1024 * 1024);
    const all = Buffer.concat(chunks);
    expect(all.toString('latin1')).toMatch(/^stowken backup 1\nstorage lmdb\n/);
    expect(createHash('sha256').update(all.subarray(0, -32)).digest()).toEqual(all.subarray(-32));
    expect(await copies()).toEqual([]);
  });

  it.each(['cancelled', 'cut off by its deadline', 'abandoned by its connection'])(
    'leaves nothing when it is %s',
    async (how) => {
      if (how === 'cancelled') {
        const call = server.client.open('BackupVault', {});
        const failure = new Promise((resolve) => call.on('error', resolve));
        call.once('data', () => call.cancel());
        expect(await failure).toMatchObject({ code: status.CANCELLED });
      } else if (how === 'abandoned by its connection') {
        const client = new Http2Client(server.address);
        client.open(path, frame(emptyRequest));
        await eventually(async () => expect(await copies()).toHaveLength(1));
        client.destroy();
      } else {
        const client = new Http2Client(server.address);
        // Nobody reads the response: only the deadline ends it.
        await withDeadline(async (deadlineMs) => {
          const passesMs = Date.now() + deadlineMs;
          client.open(path, frame(emptyRequest), { 'grpc-timeout': `${deadlineMs}m` });
          while ((await copies()).length === 0) if (Date.now() > passesMs) return false;
          return true;
        });
        await eventually(async () => expect(await copies()).toEqual([]));
        client.destroy();
      }
      await eventually(async () => expect(await copies()).toEqual([]));
      expect(await server.client.unary('GetStats', {})).toMatchObject({ conversations: 1 });
    },
  );
});
