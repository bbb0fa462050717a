import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { isStowkenError, limits, StowkenError } from '../../../src/model/index.js';
import { readMessagesRequest } from '../../../src/rpc/wire/messages.js';
import type { MessageContent, NewMessage } from '../../../src/vault/index.js';
import { message } from '../support/client.js';
import { type RawField, rawMessage, tokensMessage, varint } from '../support/wire.js';

const ordinary = message('stowken.v1.StoreConversationRequest');

const token = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 0xffff_ffff }));
const label = fc.string({ unit: 'binary', maxLength: 20 });
const content = fc.oneof(
  fc.constant({}),
  fc.array(token).map((ids) => ({ tokens: { ids } })),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ tokens_le32: Buffer.from(bytes) })),
  fc.record({ text: fc.string({ unit: 'binary' }), special_tokens: fc.boolean() }),
);
const attachments = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 2 });
const turn = fc.tuple(fc.record({ role: label, name: label, tool_call_id: label, attachments }), content);
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

/** Returns a message in the ordinary decoder's form. */
function asOrdinary({ role, name, toolCallId, content, attachments = [] }: NewMessage) {
  const special_tokens = content.kind === 'text' && content.specials === true;
  const speaker = {
    ...{ role, name, tool_call_id: toolCallId, fields_json: '', special_tokens },
    attachments: attachments.map((bytes) => Buffer.from(bytes)),
  };
  switch (content.kind) {
    case 'none':
      return speaker;
    case 'varints':
      return { ...speaker, content: 'tokens', tokens: { ids: tokensOf(content) } };
    case 'le32':
      return { ...speaker, content: 'tokens_le32', tokens_le32: Buffer.from(content.bytes) };
    case 'text':
      return { ...speaker, content: 'text', text: Buffer.from(content.utf8).toString() };
  }
}

const { signal } = new AbortController();
const read = (bytes: Buffer) => readMessagesRequest('StoreConversationRequest', bytes, signal);

async function readOne(...fields: readonly RawField[]): Promise<MessageContent> {
  const { messages } = await read(rawMessage([3, rawMessage(...fields)]));
  return messages[0]!.content;
}

/** Returns the reason of a refusal, or that there was none. */
const outcome = (reading: Promise<unknown>): Promise<string> =>
  reading.then(
    () => 'accepted',
    (error: unknown) => {
      if (isStowkenError(error)) return error.reason;
      throw error;
    },
  );

describe('reading a store request', () => {
  it('agrees with the ordinary decoder about every message and every other field', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (fields) => {
        const bytes = ordinary.serialize(fields);
        const expected = ordinary.deserialize(bytes);
        const parts = await read(bytes);
        expect(parts.messages.map(asOrdinary)).toEqual(expected['messages']);
        expect({ ...ordinary.deserialize(parts.fields), messages: [] }).toEqual({
          ...expected,
          messages: [],
        });
      }),
    );
  });

  it('reads packed, unpacked, split and merged tokens in any mixture', async () => {
    const pieces = fc.array(
      fc.oneof(
        fc.array(token).map((ids) => ({ ids, bytes: rawMessage([1, Buffer.concat(ids.map(varint))]) })),
        token.map((id) => ({ ids: [id], bytes: rawMessage([1, id]) })),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { minLength: 1 }), async (lists) => {
        const fields = lists.map((list) => [4, Buffer.concat(list.map(({ bytes }) => bytes))] as const);
        expect(tokensOf(await readOne(...fields))).toEqual(lists.flat().flatMap(({ ids }) => ids));
      }),
    );
  });

  it('leaves tokens in one packed piece where they are', async () => {
    const bytes = rawMessage([3, tokensMessage([1, 2, 300])]);
    const { messages } = await read(bytes);
    const [content] = messages.map((message) => message.content);
    expect(content).toMatchObject({ kind: 'varints', chunks: [{ buffer: bytes.buffer }] });
  });

  it('takes no more memory for tokens in many pieces than the message has bytes', async () => {
    const pieces = Buffer.concat(Array.from({ length: 10_000 }, () => rawMessage([1, Buffer.from([7])])));
    const content = await readOne([4, pieces], [4, pieces]);
    expect(content.kind === 'varints' && content.chunks).toHaveLength(1);
    expect(tokensOf(content)).toEqual(Array<number>(20_000).fill(7));
  });

  it('does not let a varint run on from one piece into the next', async () => {
    const split = [4, rawMessage([1, Buffer.from([0x80])], [1, Buffer.from([0x01])])] as const;
    expect(await outcome(readOne(split))).toBe('MALFORMED_TOKENS');
  });

  it('takes the last of several in one form, and refuses two forms', async () => {
    expect(await readOne([6, Buffer.from('a')], [6, Buffer.from('b')])).toEqual({
      kind: 'text',
      utf8: Buffer.from('b'),
    });
    const forms = [4, 5, 6] as const;
    for (const first of forms) {
      for (const second of forms.filter((form) => form !== first)) {
        expect(await outcome(readOne([first, Buffer.alloc(0)], [second, Buffer.alloc(0)]))).toBe(
          'INVALID_FIELD',
        );
      }
    }
  });

  it('skips fields that it does not know, of every wire type', async () => {
    const unknown = Buffer.concat([
      rawMessage([100, 5], [101, Buffer.from('x')]),
      Buffer.from([0x81, 0x08, 1, 2, 3, 4, 5, 6, 7, 8]),
      Buffer.from([0x85, 0x08, 1, 2, 3, 4]),
    ]);
    const bytes = Buffer.concat([
      unknown,
      rawMessage([3, Buffer.concat([unknown, tokensMessage([5])])], [3, 9]),
    ]);
    const { messages, fields } = await read(bytes);
    expect(messages.map(({ content }) => tokensOf(content))).toEqual([[5]]);
    expect(fields).toEqual(unknown);
  });

  it('gives others a turn while it takes very many messages apart, and stops when it is to', async () => {
    const message = rawMessage([3, tokensMessage([1])]);
    const bytes = Buffer.alloc(message.length * limits.turnMessagesMax * 3, message);
    let done = false;
    let turns = 0;
    const whole = read(bytes).finally(() => (done = true));
    for (; !done; turns++) await new Promise(setImmediate);
    expect((await whole).messages).toHaveLength(limits.turnMessagesMax * 3);
    expect(turns).toBeGreaterThan(1);

    const abort = new AbortController();
    const reading = readMessagesRequest('StoreConversationRequest', bytes, abort.signal);
    abort.abort(new StowkenError('CANCELLED', 'enough'));
    expect(await outcome(reading)).toBe('CANCELLED');
  });

  it('refuses strings that are not UTF-8', async () => {
    for (const field of [1, 2, 3, 6]) {
      for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
        expect(await outcome(readOne([field, Buffer.from(bytes)]))).toBe('MALFORMED_REQUEST');
      }
    }
    expect(await readOne([6, Buffer.from('\u{feff}x')])).toEqual({
      kind: 'text',
      utf8: Buffer.from('\u{feff}x'),
    });
  });

  it('reads or refuses every prefix and every changed byte, and never fails otherwise', async () => {
    await fc.assert(
      fc.asyncProperty(request, fc.nat(), fc.nat({ max: 255 }), async (fields, at, byte) => {
        const bytes = ordinary.serialize(fields);
        const position = at % (bytes.length + 1);
        const changed = Buffer.from(bytes);
        if (position < bytes.length) changed[position] = byte;
        for (const damaged of [bytes.subarray(0, position), changed]) {
          expect(['accepted', 'MALFORMED_REQUEST', 'MALFORMED_TOKENS', 'INVALID_FIELD']).toContain(
            await outcome(read(damaged)),
          );
        }
      }),
      { numRuns: 1000 },
    );
  });
});
