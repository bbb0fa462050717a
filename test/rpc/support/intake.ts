import type { IncomingHttpHeaders } from 'node:http2';
import type { status } from '@grpc/grpc-js';
import { afterEach, expect } from 'vitest';
import { ordinaryIntake } from '../../../src/rpc/index.js';
import type { Vault } from '../../../src/vault/index.js';
import { HANG_MS } from '../../support/wait.js';
import { message, method } from './client.js';
import { Http2Client } from './http2.js';
import { startTestServer, type TestServer } from './server.js';
import { rawMessage } from './wire.js';

export const MiB = 1024 * 1024;
export const storePath = method('StoreConversation').path;
export const statsPath = method('GetStats').path;
export const uploadPath = method('UploadConversation').path;

/** Server of the running test. */
export let server: TestServer;
const clients: Http2Client[] = [];

/** Ends the server and the clients after every test of a file. */
export function endAfterEach(): void {
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await server.stop();
  });
}

export function connect(): Http2Client {
  const client = new Http2Client(server.address);
  clients.push(client);
  return client;
}

/** Starts a server whose requests wait for memory without limit, unless a test sets one. */
export async function start(
  intake: Partial<typeof ordinaryIntake> = {},
  vault: Partial<Vault> = {},
): Promise<void> {
  server = await startTestServer(vault, { intake: { ...ordinaryIntake, waitMs: HANG_MS, ...intake } });
}

/** Returns a store of about so many bytes of tokens. */
export function store(bytes: number): Buffer {
  return rawMessage([3, rawMessage([5, Buffer.alloc(4 * Math.floor(bytes / 4))])]);
}

/** Returns the head of a message of so many bytes. */
export function head(bytes: number, flag = 0): Buffer {
  const all = Buffer.alloc(5);
  all.writeUInt8(flag, 0);
  all.writeUInt32BE(bytes, 1);
  return all;
}

/** Returns the facts of a refusal, in the form and the details of every error. */
export function told(headers: IncomingHttpHeaders) {
  const bytes = Buffer.from((headers['grpc-status-details-bin'] as string | undefined) ?? '', 'base64');
  const { details = [] } = message('google.rpc.Status').deserialize(bytes) as {
    details?: { value: Buffer }[];
  };
  const info = details[0] && message('google.rpc.ErrorInfo').deserialize(details[0].value);
  return {
    code: Number(headers['grpc-status']) as status,
    words: decodeURIComponent(String(headers['grpc-message'])),
    reason: info?.['reason'],
    metadata: info?.['metadata'] as Record<string, string> | undefined,
  };
}

/** Checks that the server answers another client. */
export async function answers(): Promise<void> {
  expect(await server.client.unary('GetStats', {})).toBeDefined();
}
