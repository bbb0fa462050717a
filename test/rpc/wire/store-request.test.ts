import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { isStowkenError } from '../../../src/model/index.js';
import { readStoreRequest } from '../../../src/rpc/wire/store-request.js';
import type { MessageContent, NewMessage } from '../../../src/vault/index.js';
import { message } from '../support/client.js';
import { rawMessage, tokensMessage, varint, type RawField } from '../support/wire.js';

const ordinary = message('stowken.v1.StoreConversationRequest');

const token = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 0xffff_ffff }));
const label = fc.string({ unit: 'binary', maxLength: 20 });
const content = fc.oneof(
  fc.constant({}),
  fc.array(token).map((ids) => ({ tokens: { ids } })),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ tokens_le32: Buffer.from(bytes) })),
  fc.string({ unit: 'binary' }).map((text) => ({ text })),
);
const turn = fc.tuple(fc.record({ role: label, name: label, tool_call_id: label }), content);
const request = fc.record({
  vault: label,
  conversation: fc.record({ id: label, metadata: fc.dictionary(label.filter(Boolean), label) }),
  messages: fc.array(turn.map(([speaker, content]) => ({ ...speaker, ...content }))),
});

/** A message's tokens as protobufjs reads them. */
function tokensOf(content: MessageContent): number[] {
  if (content.kind !== 'varints') throw new Error(`a message of ${content.kind}`);
  return content.chunks.flatMap((chunk) => {
    const reader = protobuf.Reader.create(chunk);
    const tokens: number[] = [];
    while (reader.pos < reader.len) tokens.push(reader.uint32());
    return tokens;
  });
}

/** A message in the ordinary decoder's words. */
function asOrdinary({ role, name, toolCallId, content }: NewMessage) {
  const speaker = { role, name, tool_call_id: toolCallId };
  switch (content.kind) {
    case 'none':
      return speaker;
    case 'varints':
      return { ...speaker, content: 'tokens', tokens: { ids: tokensOf(content) } };
    case 'words':
      return { ...speaker, content: 'tokens_le32', tokens_le32: Buffer.from(content.bytes) };
    case 'text':
      return { ...speaker, content: 'text', text: content.text };
  }
}

const readOne = (...fields: readonly RawField[]) =>
  readStoreRequest(rawMessage([3, rawMessage(...fields)])).messages[0]!.content;

const refusing = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (isStowkenError(error)) return error.reason;
    throw error;
  }
  return 'accepted';
};

describe('reading a store request', () => {
  it('agrees with the ordinary decoder about every message and every other field', () => {
    fc.assert(
      fc.property(request, (fields) => {
        const bytes = ordinary.serialize(fields);
        const expected = ordinary.deserialize(bytes);
        const parts = readStoreRequest(bytes);
        expect(parts.messages.map(asOrdinary)).toEqual(expected['messages']);
        expect({ ...ordinary.deserialize(parts.fields), messages: [] }).toEqual({
          ...expected,
          messages: [],
        });
      }),
    );
  });

  it('reads packed, unpacked, split and merged tokens in any mixture', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.array(token).map((ids) => ({ ids, bytes: rawMessage([1, Buffer.concat(ids.map(varint))]) })),
        token.map((id) => ({ ids: [id], bytes: rawMessage([1, id]) })),
      ),
    );
    fc.assert(
      fc.property(fc.array(pieces, { minLength: 1 }), (lists) => {
        const fields = lists.map((list) => [4, Buffer.concat(list.map(({ bytes }) => bytes))] as const);
        expect(tokensOf(readOne(...fields))).toEqual(lists.flat().flatMap(({ ids }) => ids));
      }),
    );
  });

  it('leaves tokens in one packed piece where they are', () => {
    const bytes = rawMessage([3, tokensMessage([1, 2, 300])]);
    const [content] = readStoreRequest(bytes).messages.map((message) => message.content);
    expect(content).toMatchObject({ kind: 'varints', chunks: [{ buffer: bytes.buffer }] });
  });

  it('takes no more memory for tokens in many pieces than the message has bytes', () => {
    const pieces = Buffer.concat(Array.from({ length: 10_000 }, () => rawMessage([1, Buffer.from([7])])));
    const content = readOne([4, pieces], [4, pieces]);
    expect(content.kind === 'varints' && content.chunks).toHaveLength(1);
    expect(tokensOf(content)).toEqual(Array<number>(20_000).fill(7));
  });

  it('does not let a varint run on from one piece into the next', () => {
    const split = [4, rawMessage([1, Buffer.from([0x80])], [1, Buffer.from([0x01])])] as const;
    expect(refusing(() => readOne(split))).toBe('MALFORMED_TOKENS');
  });

  it('takes the last of several in one form, and refuses two forms', () => {
    expect(readOne([6, Buffer.from('a')], [6, Buffer.from('b')])).toEqual({ kind: 'text', text: 'b' });
    const forms = [4, 5, 6] as const;
    for (const first of forms) {
      for (const second of forms.filter((form) => form !== first)) {
        expect(refusing(() => readOne([first, Buffer.alloc(0)], [second, Buffer.alloc(0)]))).toBe(
          'INVALID_FIELD',
        );
      }
    }
  });

  it('skips fields that it does not know, of every wire type', () => {
    const unknown = Buffer.concat([
      rawMessage([100, 5], [101, Buffer.from('x')]),
      Buffer.from([0x81, 0x08, 1, 2, 3, 4, 5, 6, 7, 8]),
      Buffer.from([0x85, 0x08, 1, 2, 3, 4]),
    ]);
    const bytes = Buffer.concat([
      unknown,
      rawMessage([3, Buffer.concat([unknown, tokensMessage([5])])], [3, 9]),
    ]);
    const { messages, fields } = readStoreRequest(bytes);
    expect(messages.map(({ content }) => tokensOf(content))).toEqual([[5]]);
    expect(fields).toEqual(unknown);
  });

  it('refuses strings that are not UTF-8', () => {
    for (const field of [1, 2, 3, 6]) {
      for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
        expect(refusing(() => readOne([field, Buffer.from(bytes)]))).toBe('MALFORMED_REQUEST');
      }
    }
    expect(readOne([6, Buffer.from('\u{feff}x')])).toEqual({ kind: 'text', text: '\u{feff}x' });
  });

  it('reads or refuses every prefix and every changed byte, and never fails otherwise', () => {
    fc.assert(
      fc.property(request, fc.nat(), fc.nat({ max: 255 }), (fields, at, byte) => {
        const bytes = ordinary.serialize(fields);
        const position = at % (bytes.length + 1);
        const changed = Buffer.from(bytes);
        if (position < bytes.length) changed[position] = byte;
        for (const damaged of [bytes.subarray(0, position), changed]) {
          expect(['accepted', 'MALFORMED_REQUEST', 'MALFORMED_TOKENS', 'INVALID_FIELD']).toContain(
            refusing(() => readStoreRequest(damaged)),
          );
        }
      }),
      { numRuns: 1000 },
    );
  });
});
