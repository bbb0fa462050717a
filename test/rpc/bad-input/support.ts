import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { limits } from '../../../src/model/index.js';
import type { Fields, TestClient } from '../support/client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { rawMessage } from '../support/wire.js';

export interface BadInput {
  readonly client: TestClient;
  expectNothingStored(): Promise<void>;
  /** Reads back the tokens of conversation "c". */
  tokensBack(): Promise<number[]>;
}

/** Starts a server for each test, and checks its store at the end. */
export function badInput(): BadInput {
  let server: TestServer;
  beforeEach(async () => {
    server = await startTestServer();
  });
  afterEach(() => server.stop());
  return {
    get client() {
      return server.client;
    },
    async expectNothingStored() {
      const stats = await server.client.unary('GetStats', {});
      expect(stats).toMatchObject({ conversations: 0, messages: 0, segments: 0 });
    },
    async tokensBack() {
      const parts = await server.client.stream('RetrieveConversation', { id: 'c' });
      return parts.flatMap((part) => {
        const chunk = part['chunk'] as { tokens?: { ids: number[] } } | undefined;
        return chunk?.tokens?.ids ?? [];
      });
    },
  };
}

/** A StoreConversationRequest with one message, both given as bytes. */
export const storeRaw = (message: Buffer): Buffer =>
  rawMessage([2, rawMessage([1, Buffer.from('c')])], [3, message]);

export function itRefusesMalformed(bad: BadInput, requests: readonly (readonly [string, Buffer])[]): void {
  it('refuses what is not UTF-8, or not the message at all', async () => {
    for (const [method, bytes] of requests) {
      expect(await bad.client.refused(method, bytes), method).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: 'MALFORMED_REQUEST',
      });
    }
    await bad.expectNothingStored();
  });
}

export function itRefusesOversize(bad: BadInput, methods: readonly string[]): void {
  it('refuses too much of what is decoded into objects, with both numbers', async () => {
    const filler = rawMessage([100, Buffer.alloc(limits.requestFieldsBytesMax)]);
    for (const method of methods) {
      expect(await bad.client.refused(method, filler), method).toMatchObject({
        code: status.RESOURCE_EXHAUSTED,
        reason: 'REQUEST_TOO_LARGE',
        metadata: { size: String(filler.length), limit: String(limits.requestFieldsBytesMax) },
      });
    }
  });
}

export function itRefusesOtherVaults(bad: BadInput, requests: readonly (readonly [string, Fields])[]): void {
  it('names a vault that is not there', async () => {
    for (const [method, request] of requests) {
      expect(await bad.client.refused(method, { ...request, vault: 'other' }), method).toMatchObject({
        code: status.NOT_FOUND,
        reason: 'VAULT_NOT_FOUND',
        metadata: { resource_type: 'vault', resource_name: 'other' },
      });
    }
    await bad.expectNothingStored();
    expect(await bad.client.unary('GetStats', { vault: 'default' })).toMatchObject({ conversations: 0 });
  });
}
