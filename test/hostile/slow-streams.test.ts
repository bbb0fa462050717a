import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { memoryOf, processTree } from '../../bench/lib/process-tree.js';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { limits } from '../../src/model/index.js';
import { method } from '../rpc/support/client.js';
import { frame, Http2Client } from '../rpc/support/http2.js';
import { rawMessage } from '../rpc/support/wire.js';
import { startStowken, type StowkenProcess } from '../support/process.js';

const STREAMS = 200;
const CONNECTIONS = 4;
/**
 * Bytes that wait for the client, a chunk that was being made when they were at their limit, and the batch
 * read ahead.
 */
const BYTES_EACH = limits.sendQueueBytesMax + limits.chunkBytesMax + 8 * limits.readBatchTokensMax;
const MESSAGES = 16;
const TOKENS_EACH = 512 * 1024;

const folder = mkdtempSync(join(tmpdir(), 'stowken-slow-'));
let server: StowkenProcess;
let client: StowkenClient;

beforeAll(async () => {
  server = await startStowken('--data', folder);
  client = connect({ server: server.address });
});

afterAll(async () => {
  client.close();
  await server.kill('SIGTERM');
  rmSync(folder, { recursive: true });
});

const tokensOf = (n: number) =>
  Uint32Array.from({ length: TOKENS_EACH }, (_, i) => (n * 7919 + i * 31) >>> 0);
const residentBytes = () => memoryOf(processTree(server.child.pid!)).residentBytes;

it(`${STREAMS} streams that nobody reads hold a bounded part of it each, and hold up nobody`, async () => {
  const messages = Array.from({ length: MESSAGES }, (_, n) => ({ role: 'user', tokens: tokensOf(n) }));
  await client.upload({ conversation: { id: 'long' }, messages });
  const short = [{ role: 'user', tokens: Uint32Array.of(1, 2, 3) }];
  const before = residentBytes();

  const slow = Array.from({ length: CONNECTIONS }, () => new Http2Client(server.address));
  const begun = Array.from({ length: STREAMS }, (_, n) => {
    const request = frame(rawMessage([2, Buffer.from('long')]));
    const stream = slow[n % CONNECTIONS]!.open(method('RetrieveConversation').path, request);
    stream.on('error', () => undefined);
    return new Promise((resolve) => stream.once('response', resolve));
  });
  await Promise.all(begun);
  for (let n = 0; n < 100; n++) {
    await client.store({ conversation: { id: `short-${n}` }, messages: short });
    const parts = [];
    for await (const part of client.read(`short-${n}`, { encoding: 'tokens' })) parts.push(part);
    expect(parts).toHaveLength(2);
  }
  expect(residentBytes() - before).toBeLessThan(STREAMS * BYTES_EACH);
  expect(residentBytes()).toBeLessThan(2 ** 30);
  // Everything together would be ten times that.
  expect(STREAMS * BYTES_EACH).toBeLessThan((STREAMS * MESSAGES * TOKENS_EACH * 4) / 10);
  for (const each of slow) each.destroy();
  for await (const part of client.read('long', { encoding: 'tokens' })) {
    if (part.kind !== 'message') continue;
    const wanted = tokensOf(part.index);
    expect(part.content.length).toBe(wanted.length);
    expect(part.content.findIndex((token, at) => token !== wanted[at])).toBe(-1);
  }
});
