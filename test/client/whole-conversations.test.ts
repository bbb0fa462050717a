import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WholeOfMany } from '../../src/client/index.js';
import { WholeConversations } from '../../src/client/whole-conversations.js';
import { type Fields, message } from '../rpc/support/client.js';

const response = message('stowken.v1.RetrieveConversationsResponse');
const tokensMax = 100;

interface Given {
  readonly messages: readonly { readonly role: string; readonly tokens: readonly number[] }[];
  readonly form: 'chunks' | 'joined';
  /** Tokens of a part. */
  readonly partTokens: number;
  readonly fails: boolean;
}

const given: fc.Arbitrary<Given> = fc.record({
  messages: fc.array(
    fc.record({
      role: fc.constantFrom('system', 'user', 'a name — of its own', ''),
      tokens: fc.array(fc.nat({ max: 0xffff_ffff }), { maxLength: 40 }),
    }),
    { maxLength: 6 },
  ),
  form: fc.constantFrom('chunks', 'joined'),
  partTokens: fc.integer({ min: 1, max: 50 }),
  fails: fc.boolean(),
});

const le32 = (tokens: readonly number[]) => Buffer.from(Uint32Array.from(tokens).buffer);
const tokensOf = ({ messages }: Given) => messages.flatMap(({ tokens }) => tokens);

function* pieces(tokens: readonly number[], size: number): Generator<readonly number[]> {
  for (let at = 0; at < tokens.length; at += size) yield tokens.slice(at, at + size);
}

/** Returns the parts of one conversation, as a server sends them. */
function partsOf(conversation: Given, index: number): Fields[] {
  const { messages, form, partTokens, fails } = conversation;
  const ok = { index, status: {} };
  const tokens = tokensOf(conversation);
  const header = {
    ...{ id: `c${index}`, total_tokens: tokens.length, message_count: messages.length, revision: 3 },
    metadata: { user: 'u' },
  };
  const parts: Fields[] = [{ ...ok, header }];
  if (form === 'joined') {
    const roles = [...new Set(messages.map(({ role }) => role))];
    const described = {
      token_counts: messages.map((each) => each.tokens.length),
      message_roles: messages.map(({ role }) => roles.indexOf(role)),
      roles,
    };
    const all = [...pieces(tokens, partTokens)];
    if (messages.length > 0) parts.push({ ...ok, joined: { ...described, tokens_le32: le32(all[0] ?? []) } });
    for (const piece of all.slice(1)) parts.push({ ...ok, joined: { tokens_le32: le32(piece) } });
  } else {
    for (const [at, { role, tokens: content }] of messages.entries()) {
      const chunks = [...pieces(content, partTokens)];
      if (chunks.length === 0) chunks.push([]);
      for (const [number, chunk] of chunks.entries()) {
        const first = number === 0 && { message: { role, token_count: content.length, name: 'n' } };
        parts.push({
          ...ok,
          chunk: {
            ...{ message_index: at, end_of_message: number === chunks.length - 1, ...first },
            ...(chunk.length > 0 && { tokens_le32: le32(chunk) }),
          },
        });
      }
    }
  }
  if (fails) parts.push({ index, status: { code: 15, reason: 'CORRUPT_SEGMENT', message: 'it is damaged' } });
  return parts;
}

function expectedOf(conversation: Given, index: number): unknown {
  const tokens = tokensOf(conversation);
  if (conversation.fails)
    return {
      kind: 'failed',
      index,
      error: expect.objectContaining({ reason: 'CORRUPT_SEGMENT' }) as unknown,
    };
  const described = expect.objectContaining({ id: `c${index}`, metadata: { user: 'u' } }) as unknown;
  if (tokens.length > tokensMax) return { kind: 'tooLong', index, conversation: described };
  return {
    ...{ kind: 'conversation', index, conversation: described },
    tokens: Uint32Array.from(tokens),
    messages: conversation.messages.map((each) => ({ role: each.role, tokenCount: each.tokens.length })),
  };
}

function read(responses: readonly Buffer[]): WholeOfMany[] {
  const whole = new WholeConversations(tokensMax);
  return [...responses.flatMap((bytes) => whole.take(bytes)), ...whole.finish()];
}

/** Appends a field of each wire type that the contract does not have. */
const withUnknownFields = (bytes: Buffer) =>
  Buffer.concat([
    bytes,
    Buffer.from('f8ff0101' + 'f9ff010000000000000000' + 'fdff0100000000' + 'faff0102aabb', 'hex'),
  ]);

describe('whole conversations', () => {
  it('are joined from parts as they come', () => {
    fc.assert(
      fc.property(fc.array(given, { maxLength: 6 }), fc.integer({ min: 1, max: 5 }), (all, perResponse) => {
        const parts = all.flatMap(partsOf);
        const responses: Buffer[] = [];
        for (let at = 0; at < parts.length; at += perResponse) {
          const bytes = response.serialize({ parts: parts.slice(at, at + perResponse) });
          responses.push(at % 2 === 0 ? bytes : withUnknownFields(bytes));
        }
        expect(read(responses)).toEqual(all.map(expectedOf));
      }),
    );
  });

  it('fail if tokens are missing, or too many', () => {
    for (const tokens of [[1], [1, 2, 3]]) {
      const header = { id: 'a', total_tokens: 2 };
      const joined = { tokens_le32: le32(tokens), token_counts: [2], message_roles: [0], roles: ['user'] };
      const [found] = read([response.serialize({ parts: [{ header }, { joined }] })]);
      expect(found).toMatchObject({ kind: 'failed', error: { codeName: 'INTERNAL' } });
    }
  });

  it('fail if the counts of their messages are those of other content', () => {
    const header = { id: 'a', total_tokens: 2 };
    const words = { tokens_le32: le32([1, 2]) };
    const joined = (counts: readonly number[]) => {
      const token_counts = [...counts];
      return { ...words, token_counts, message_roles: counts.map(() => 0), roles: ['user'] };
    };
    const chunk = (count: number) => ({ ...words, message: { role: 'user', token_count: count } });
    const cases: readonly (readonly [number, Fields, RegExp])[] = [
      [1, { joined: joined([1]) }, /its messages have 1 tokens, and the conversation 2/],
      [1, { joined: joined([3]) }, /its messages have 3 tokens/],
      [2, { joined: joined([2, 1]) }, /its messages have 3 tokens/],
      [1, { chunk: chunk(1) }, /its messages have 1 tokens/],
      [1, { joined: joined([]) }, /0 of 1 messages came/],
      [1, { joined: joined([2, 0]) }, /2 of 1 messages came/],
      [1, { chunk: words }, /0 of 1 messages came/],
    ];
    for (const [message_count, part, message] of cases) {
      const [found] = read([response.serialize({ parts: [{ header: { ...header, message_count } }, part] })]);
      expect(found).toMatchObject({
        kind: 'failed',
        error: { codeName: 'INTERNAL', message: expect.stringMatching(message) as string },
      });
    }
  });

  it.each([
    ['is cut off', response.serialize({ parts: [{ header: { id: 'a', total_tokens: 1 } }] }).subarray(0, -1)],
    ['has no header', response.serialize({ parts: [{ joined: { tokens_le32: le32([1]) } }] })],
    ['has a field of a type that is none', Buffer.from([0x0b])],
    ['has a number that does not end', Buffer.alloc(12, 0xff)],
  ])('are refused if a response %s', (_name, bytes) => {
    expect(() => read([bytes])).toThrow(/malformed/);
  });
});
