import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/model/index.js';
import type { Fields } from '../support/client.js';
import { rawMessage, tokensMessage, varint } from '../support/wire.js';
import { badInput, storeRaw } from './support.js';

const bad = badInput();

describe('tokens on the wire', () => {
  const malformed: [string, Buffer][] = [
    ['a varint over 32 bits', varint(2 ** 32)],
    ['a varint of 64 bits', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])],
    ['a truncated varint', Buffer.from([5, 0x80])],
  ];
  it.each(malformed)('%s is refused', async (_name, packed) => {
    expect(await bad.client.refused('StoreConversation', storeRaw(tokensMessage(packed)))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'MALFORMED_TOKENS',
      metadata: { field: 'messages[0].tokens' },
    });
    await bad.expectNothingStored();
  });

  it('over 32 bits are refused in the unpacked form as well', async () => {
    const unpacked = rawMessage([4, rawMessage([1, 5], [1, 2 ** 32])]);
    expect(await bad.client.refused('StoreConversation', storeRaw(unpacked))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'MALFORMED_TOKENS',
    });
    await bad.expectNothingStored();
  });

  const accepted: [string, Buffer, number[]][] = [
    ['over-long', tokensMessage(Buffer.from([0x85, 0x80, 0x00, 7])), [5, 7]],
    ['unpacked', rawMessage([4, rawMessage([1, 5], [1, 300], [1, 0xffff_ffff])]), [5, 300, 0xffff_ffff]],
    [
      'split',
      rawMessage([4, rawMessage([1, Buffer.from([5, 6])], [1, 300], [1, Buffer.from([7])])]),
      [5, 6, 300, 7],
    ],
    ['merged', Buffer.concat([tokensMessage([5]), tokensMessage([6])]), [5, 6]],
  ];
  it.each(accepted)('%s varints are accepted and made canonical', async (_name, message, tokens) => {
    const stored = await bad.client.unary('StoreConversation', storeRaw(message));
    expect(await bad.tokensBack()).toEqual(tokens);
    const again = await bad.client.unary('StoreConversation', storeRaw(tokensMessage(tokens)));
    expect(again).toMatchObject({ unchanged: true, total_segments: stored['total_segments'] });
  });

  it('as text may not have a run that takes too much memory', async () => {
    const limit = limits.textRunBytesMax;
    const messages = [{ text: 'fine' }, { tokens: { ids: [1] } }, { text: 'a'.repeat(limit + 1) }];
    const request = { conversation: { tokenizer: 'o200k_base' }, messages };
    expect(await bad.client.refused('StoreConversation', request)).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'REQUEST_TOO_LARGE',
      details: `messages[2].text has more than ${limit} bytes of letters, spaces or punctuation marks in a row`,
      metadata: { field: 'messages[2].text', limit: String(limit) },
    });
    await bad.expectNothingStored();
  });

  it('as little-endian words must be a multiple of 4 bytes', async () => {
    for (const size of [1, 2, 3, 5]) {
      const request = { messages: [{ tokens_le32: Buffer.alloc(size) }] };
      expect(await bad.client.refused('StoreConversation', request)).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: 'MALFORMED_TOKENS',
        metadata: { field: 'messages[0].tokens_le32' },
      });
    }
    await bad.expectNothingStored();
  });
});

describe('messages', () => {
  it('with two contents are refused, with none are empty', async () => {
    const both = Buffer.concat([tokensMessage([1]), rawMessage([5, Buffer.alloc(4)])]);
    expect(await bad.client.refused('StoreConversation', storeRaw(both))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: { field: 'messages[0].content' },
    });
    await bad.expectNothingStored();
    await bad.client.unary('StoreConversation', { conversation: { id: 'c' }, messages: [{ role: 'user' }] });
    const [, chunk, ...rest] = await bad.client.stream('RetrieveConversation', { id: 'c' });
    expect(chunk).toMatchObject({
      chunk: { end_of_message: true, message: { role: 'user', token_count: 0 } },
    });
    expect((chunk!['chunk'] as Fields)['content']).toBeUndefined();
    expect(rest).toEqual([]);
  });

  it('may be none at all', async () => {
    await bad.client.unary('StoreConversation', { conversation: { id: 'c' } });
    expect(await bad.client.stream('RetrieveConversation', { id: 'c' })).toHaveLength(1);
  });

  it('have roles, names and tool call ids of a limited length', async () => {
    const fields: [string, number][] = [
      ['role', 256],
      ['name', 256],
      ['tool_call_id', 512],
    ];
    for (const [field, limit] of fields) {
      const fits = { messages: [{}, { [field]: 'x'.repeat(limit) }] };
      await bad.client.unary('DeleteConversation', {
        id: ((await bad.client.unary('StoreConversation', fits))['conversation'] as Fields)['id'],
      });
      const tooLong = { messages: [{}, { [field]: 'x'.repeat(limit + 1) }] };
      expect(await bad.client.refused('StoreConversation', tooLong)).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: 'INVALID_FIELD',
        metadata: { field: `messages[1].${field}`, size: String(limit + 1), limit: String(limit) },
      });
    }
    await bad.expectNothingStored();
  });

  it('in text need a tokenizer that the server has', async () => {
    const request = { conversation: { tokenizer: 'llama-3' }, messages: [{ text: 'hello' }] };
    const refused = await bad.client.refused('StoreConversation', request);
    expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'UNKNOWN_TOKENIZER' });
    expect(refused.metadata['known']).toContain('o200k_base');
    await bad.expectNothingStored();
  });
});
