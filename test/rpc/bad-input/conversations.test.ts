import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../support/client.js';
import { rawMessage } from '../support/wire.js';
import {
  badInput,
  itRefusesMalformed,
  itRefusesOtherVaults,
  itRefusesOversize,
  storeRaw,
} from './support.js';

const conversation = (idBytes: Buffer) => rawMessage([2, rawMessage([1, idBytes])]);

const bad = badInput();

describe('every method', () => {
  itRefusesMalformed(bad, [
    ['StoreConversation', conversation(Buffer.from([0xff]))],
    ['StoreConversation', Buffer.from([0x12, 0x05, 0x0a])],
    ['StoreConversation', storeRaw(rawMessage([1, Buffer.from([0xc0, 0xaf])]))],
    ['StoreConversation', storeRaw(Buffer.from([0x22, 0x7f, 0x0a]))],
    ['GetConversation', Buffer.from('not a message')],
    ['RetrieveConversation', Buffer.from([0x12, 0x7f])],
    ['DeleteConversation', Buffer.from([0xff, 0xff])],
    ['ListConversations', Buffer.from([0x12, 0x7f])],
  ]);
  itRefusesOversize(bad, [
    'StoreConversation',
    'GetConversation',
    'RetrieveConversation',
    'DeleteConversation',
    'ListConversations',
  ]);
  itRefusesOtherVaults(bad, [
    ['StoreConversation', {}],
    ['GetConversation', { id: 'c' }],
    ['RetrieveConversation', { id: 'c' }],
    ['DeleteConversation', { id: 'c', allow_missing: true }],
    ['ListConversations', {}],
  ]);
});

describe('ids', () => {
  const tooLong = ['x'.repeat(513), 'ü'.repeat(257)];

  it('of 513 bytes are refused everywhere', async () => {
    for (const id of tooLong) {
      const calls: [string, Fields, string][] = [
        ['StoreConversation', { conversation: { id } }, 'conversation.id'],
        ['StoreConversation', { conversation: { parent_id: id } }, 'conversation.parent_id'],
        ['GetConversation', { id }, 'id'],
        ['RetrieveConversation', { id }, 'id'],
        ['DeleteConversation', { id }, 'id'],
        ['ListConversations', { filter: { id_prefix: id } }, 'filter.id_prefix'],
      ];
      for (const [method, request, field] of calls) {
        expect(await bad.client.refused(method, request)).toMatchObject({
          code: status.INVALID_ARGUMENT,
          reason: 'INVALID_FIELD',
          metadata: { field, size: String(Buffer.byteLength(id)), limit: '512' },
        });
      }
    }
    await bad.expectNothingStored();
  });

  it('that are empty are refused where one must be named, and made by a store', async () => {
    for (const method of ['GetConversation', 'RetrieveConversation', 'DeleteConversation']) {
      expect(await bad.client.refused(method, {})).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: 'INVALID_FIELD',
        metadata: { field: 'id', size: '0', limit: '1' },
      });
    }
    await bad.expectNothingStored();
    const { conversation } = await bad.client.unary('StoreConversation', {});
    expect((conversation as Fields)['id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it.each(['../../x', 'a/b', 'ü', 'a\u0000b', '.', 'x'.repeat(512), 'ü'.repeat(256), '__proto__'])(
    '%j is an ordinary id',
    async (id) => {
      await bad.client.unary('StoreConversation', { conversation: { id } });
      const { conversation } = await bad.client.unary('GetConversation', { id });
      expect((conversation as Fields)['id']).toBe(id);
      await bad.client.unary('DeleteConversation', { id });
      await bad.expectNothingStored();
    },
  );
});

describe('what is not there', () => {
  it.each(['GetConversation', 'RetrieveConversation', 'DeleteConversation'])(
    '%s names it',
    async (method) => {
      expect(await bad.client.refused(method, { id: 'a/ü' })).toMatchObject({
        code: status.NOT_FOUND,
        reason: 'CONVERSATION_NOT_FOUND',
        metadata: { resource_type: 'conversation', resource_name: 'a/ü' },
      });
    },
  );

  it('may be deleted where that is allowed', async () => {
    const request = { id: 'none', allow_missing: true };
    expect(await bad.client.unary('DeleteConversation', request)).toMatchObject({ released_references: 0 });
  });
});

describe('a store of an id that is there', () => {
  const store = (ids: number[], more: Fields = {}) => ({
    conversation: { id: 'c' },
    messages: [{ tokens: { ids } }],
    ...more,
  });

  it('changes nothing with the same content, and is refused with other content', async () => {
    await bad.client.unary('StoreConversation', store([1]));
    expect(await bad.client.unary('StoreConversation', store([1]))).toMatchObject({ unchanged: true });
    expect(await bad.client.refused('StoreConversation', store([2]))).toMatchObject({
      code: status.ALREADY_EXISTS,
      reason: 'CONVERSATION_EXISTS',
    });
    expect(await bad.tokensBack()).toEqual([1]);
  });

  it('replaces it when if_revision matches, and is refused when it does not', async () => {
    await bad.client.unary('StoreConversation', store([1], { if_revision: 0 }));
    for (const if_revision of [0, 2]) {
      expect(await bad.client.refused('StoreConversation', store([2], { if_revision }))).toMatchObject({
        code: status.ABORTED,
        reason: 'REVISION_MISMATCH',
        metadata: { revision: '1' },
      });
    }
    expect(await bad.tokensBack()).toEqual([1]);
    await bad.client.unary('StoreConversation', store([2], { if_revision: 1 }));
    expect(await bad.tokensBack()).toEqual([2]);
    const stale = { id: 'c', if_revision: 1 };
    expect(await bad.client.refused('RetrieveConversation', stale)).toMatchObject({
      reason: 'REVISION_MISMATCH',
    });
    expect(await bad.client.refused('DeleteConversation', stale)).toMatchObject({
      reason: 'REVISION_MISMATCH',
    });
    await bad.client.unary('DeleteConversation', { id: 'c', if_revision: 2 });
  });
});
