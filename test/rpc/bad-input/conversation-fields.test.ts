import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/model/index.js';
import type { Fields } from '../support/client.js';
import { rawMessage } from '../support/wire.js';
import { badInput } from './support.js';

const bad = badInput();

describe('fields', () => {
  const long = (size: number) => 'x'.repeat(size);
  const many = (size: number) =>
    Object.fromEntries(Array.from({ length: size }, (_, index) => [`k${index}`, 'v']));

  const invalid: [string, string, Fields, string][] = [
    [
      'a long application',
      'StoreConversation',
      { conversation: { application: long(257) } },
      'conversation.application',
    ],
    ['a long model', 'StoreConversation', { conversation: { model: long(257) } }, 'conversation.model'],
    [
      'a long tokenizer',
      'StoreConversation',
      { conversation: { tokenizer: long(257) } },
      'conversation.tokenizer',
    ],
    ['much metadata', 'StoreConversation', { conversation: { metadata: many(65) } }, 'conversation.metadata'],
    [
      'an empty metadata key',
      'StoreConversation',
      { conversation: { metadata: { '': 'v' } } },
      'conversation.metadata',
    ],
    [
      'a long metadata key',
      'StoreConversation',
      { conversation: { metadata: { [long(129)]: '' } } },
      'conversation.metadata',
    ],
    [
      'a long metadata value',
      'StoreConversation',
      { conversation: { metadata: { k: long(8193) } } },
      'conversation.metadata',
    ],
    [
      'an expiry before 1970',
      'StoreConversation',
      { conversation: { expire_time: { seconds: -1 } } },
      'conversation.expire_time',
    ],
    [
      'a time that is none',
      'StoreConversation',
      { conversation: { expire_time: { nanos: -1 } } },
      'conversation.expire_time',
    ],
    [
      'a time too far',
      'StoreConversation',
      { conversation: { expire_time: { seconds: 253402300800 } } },
      'conversation.expire_time',
    ],
    [
      'a creation before 1970',
      'StoreConversation',
      { conversation: { create_time: { seconds: -1 } } },
      'conversation.create_time',
    ],
    [
      'a creation that is to come',
      'StoreConversation',
      { conversation: { create_time: { seconds: 4_000_000_000 } } },
      'conversation.create_time',
    ],
    ['an unknown encoding', 'RetrieveConversation', { id: 'c', encoding: 4 }, 'encoding'],
    ['a negative encoding', 'RetrieveConversation', { id: 'c', encoding: -1 }, 'encoding'],
    ['an unknown order', 'ListConversations', { order: 3 }, 'order'],
    ['a negative page size', 'ListConversations', { page_size: -1 }, 'page_size'],
    [
      'a filter with much metadata',
      'ListConversations',
      { filter: { metadata: many(17) } },
      'filter.metadata',
    ],
  ];
  it.each(invalid)('%s is refused', async (_name, method, request, field) => {
    expect(await bad.client.refused(method, request)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: { field },
    });
    await bad.expectNothingStored();
  });

  it('of 64 bits must be numbers that JavaScript holds exactly', async () => {
    const request = Buffer.concat([
      rawMessage([1, Buffer.from('')]),
      Buffer.from([0x28, ...Array<number>(9).fill(0xff), 1]),
    ]);
    expect(await bad.client.refused('StoreConversation', request)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: {
        field: 'if_revision',
        value: '18446744073709551615',
        limit: String(Number.MAX_SAFE_INTEGER),
      },
    });
    await bad.expectNothingStored();
  });

  it('keep the largest values that are allowed', async () => {
    const conversation = {
      id: 'c',
      application: long(256),
      metadata: Object.fromEntries(
        Array.from({ length: 64 }, (_, index) => [`${index}`.padStart(128, 'k'), long(8192)]),
      ),
      expire_time: { seconds: 253402300799, nanos: 999_000_000 },
    };
    const { conversation: stored } = await bad.client.unary('StoreConversation', { conversation });
    expect(stored).toMatchObject(conversation);
    const { conversations } = await bad.client.unary('ListConversations', {});
    expect(conversations).toEqual([stored]);
  });
});

describe('requests over the limit', () => {
  it('are refused with both numbers', async () => {
    const message = Buffer.alloc(limits.requestBytesMax);
    const request = rawMessage([3, rawMessage([5, message])]);
    const refused = await bad.client.refused('StoreConversation', request);
    expect(refused).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'REQUEST_TOO_LARGE',
      metadata: { size: String(request.length), limit: String(limits.requestBytesMax) },
    });
    expect(refused.details).toContain(String(request.length));
    await bad.expectNothingStored();
  });

  it('in their number of messages are refused with both numbers', async () => {
    const size = limits.messagesPerRequestMax + 1;
    const request = Buffer.alloc(2 * size, Buffer.from([0x1a, 0x00]));
    expect(await bad.client.refused('StoreConversation', request)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: { field: 'messages', size: String(size), limit: String(limits.messagesPerRequestMax) },
    });
    await bad.expectNothingStored();
  });
});
