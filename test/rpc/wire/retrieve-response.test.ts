import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeChunk } from '../../../src/rpc/wire/token-responses.js';
import type { ChunkContent } from '../../../src/vault/index.js';
import { message } from '../support/client.js';
import { varint } from '../support/wire.js';

const ordinary = message('stowken.v1.RetrieveConversationResponse');
const label = fc.string({ unit: 'binary', maxLength: 20 });
const position = fc.oneof(fc.constant(0), fc.maxSafeNat());

/** A chunk's content, beside the field that an ordinary encoder takes. */
const content: fc.Arbitrary<[ChunkContent | undefined, Record<string, unknown>]> = fc.oneof(
  fc.constant<[undefined, Record<string, unknown>]>([undefined, {}]),
  fc
    .array(fc.nat({ max: 0xffff_ffff }))
    .map((ids): [ChunkContent, Record<string, unknown>] => [
      { kind: 'varints', bytes: Buffer.concat(ids.map(varint)) },
      { tokens: { ids } },
    ]),
  fc
    .uint8Array()
    .map((bytes): [ChunkContent, Record<string, unknown>] => [
      { kind: 'le32', bytes },
      { tokens_le32: bytes },
    ]),
  fc.string({ unit: 'binary' }).map((text): [ChunkContent, Record<string, unknown>] => [
    { kind: 'text', text, replaced: text.length % 2 === 1 },
    { text, replaced: text.length % 2 === 1 },
  ]),
  fc
    .tuple(fc.uint8Array({ minLength: 1 }), fc.array(fc.nat({ max: 0xffff_ffff })))
    .map(([le32, ends]): [ChunkContent, Record<string, unknown>] => [
      { kind: 'text', text: 'x', replaced: false, tokens: { le32, ends: Uint32Array.from(ends) } },
      { text: 'x', text_tokens_le32: le32, text_token_ends: ends },
    ]),
);

const description = fc.record({ role: label, name: label, toolCallId: label, tokenCount: position });

describe('encoding a chunk', () => {
  it('is read by the ordinary decoder as what it is', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 0xffff_ffff }),
        position,
        content,
        fc.boolean(),
        fc.option(description, { nil: undefined }),
        (messageIndex, tokenOffset, [content, field], endOfMessage, message) => {
          const bytes = encodeChunk({
            kind: 'chunk',
            messageIndex,
            tokenOffset,
            content,
            endOfMessage,
            message,
          });
          const expected = ordinary.serialize({
            chunk: {
              message_index: messageIndex,
              token_offset: tokenOffset,
              ...field,
              end_of_message: endOfMessage,
              ...(message !== undefined && {
                message: {
                  role: message.role,
                  name: message.name,
                  tool_call_id: message.toolCallId,
                  token_count: message.tokenCount,
                },
              }),
            },
          });
          expect(ordinary.deserialize(bytes)).toEqual(ordinary.deserialize(expected));
          expect(bytes.length).toBeLessThanOrEqual(expected.length);
        },
      ),
    );
  });

  it('leaves out what is default', () => {
    const none = { tokenOffset: 0, content: undefined, message: undefined };
    expect(encodeChunk({ kind: 'chunk', messageIndex: 0, endOfMessage: false, ...none })).toEqual(
      Buffer.from([0x12, 0x00]),
    );
  });
});
