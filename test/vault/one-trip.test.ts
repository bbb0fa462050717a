import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ConversationSnapshot, ReadAhead, SegmentKey, StorageBackend } from '../../src/storage/index.js';
import { createMemoryBackend } from '../../src/storage/index.js';
import type { RetrieveRange } from '../../src/vault/index.js';
import { collectAll, openTestVault, partsOf, say, signal, spec, type TestVault } from '../support/vault.js';

let t: TestVault;
let trips = 0;
beforeEach(async () => {
  t = await openTestVault(async (codec, clock) => far(createMemoryBackend({ codec, clock })));
});
afterEach(() => t.close());

/** A backend to which each question of a retrieve is a trip. It brings what is read first with the list. */
function far(near: StorageBackend): StorageBackend {
  const openConversation = near.openConversation.bind(near);
  const readFrames = near.readFrames.bind(near);
  const trip = async <T>(answer: Promise<T>): Promise<T> => {
    trips += 1;
    return answer;
  };
  near.readFrames = (keys) => trip(readFrames(keys));
  near.openConversation = async (id, ahead) => {
    const snapshot = await trip(openConversation(id));
    return snapshot && withAhead(snapshot, ahead);
  };

  async function withAhead(snapshot: ConversationSnapshot, ahead: ReadAhead = { tokens: 0 }) {
    const messages: Awaited<ReturnType<ConversationSnapshot['read']>>[number][] = [];
    for (let tokens = 0; tokens < ahead.tokens && messages.length < snapshot.conversation.messageCount;) {
      const [message] = await snapshot.read(messages.length, 1);
      messages.push(message!);
      tokens += message!.tokenCount;
    }
    const keys = messages.flatMap(({ segments }) => segments.map(({ key }) => key));
    const found = await readFrames(keys);
    const frames = new Map(keys.map((key, index) => [key, found[index]!]));
    const read: ConversationSnapshot['read'] = async (from, messagesMax) =>
      from < messages.length
        ? messages.slice(from, from + messagesMax)
        : trip(snapshot.read(from, messagesMax));
    return {
      ...snapshot,
      read,
      readFrames: async (wanted: readonly SegmentKey[]) => {
        const left = wanted.filter((key) => !frames.has(key));
        const rest = left.length > 0 ? await trip(readFrames(left)) : [];
        return wanted.map((key) => frames.get(key) ?? rest.shift()!);
      },
    };
  }
  return near;
}

/** Returns the tokens of a range, and the trips that it took. */
async function retrieve(range: RetrieveRange = {}): Promise<{ tokens: number[]; trips: number }> {
  trips = 0;
  const input = { id: 'c', encoding: 'le32', ...range } as const;
  const parts = await collectAll(partsOf(t.vault.retrieve(input, signal)));
  const tokens = parts.flatMap((part) => {
    if (part.kind !== 'chunk' || part.content?.kind !== 'le32') return [];
    return [...new Uint32Array(new Uint8Array(part.content.bytes).buffer)];
  });
  return { tokens, trips };
}

const store = (messages: readonly (readonly number[])[]) =>
  t.vault.store({ spec: spec('c'), messages: messages.map((tokens) => say('user', tokens)) }, signal);

it('a short conversation comes in one trip, its frames with its list', async () => {
  await store([[1, 2, 3], [], [4], [5, 6]]);
  expect(await retrieve()).toEqual({ tokens: [1, 2, 3, 4, 5, 6], trips: 1 });
  expect((await retrieve({ tokenLimit: 2 })).tokens).toEqual([1, 2]);
});

it('the end of a conversation comes without its beginning', async () => {
  await store([[1, 2, 3], [4], [5, 6]]);
  expect(await retrieve({ messageOffset: 1 })).toEqual({ tokens: [4, 5, 6], trips: 3 });
});

it('a long conversation comes in a trip for each batch, and is whole', async () => {
  const long = Array.from({ length: 6 }, (_, n) => Array.from({ length: 50_000 }, (_, i) => n * 1e6 + i));
  await store(long);
  const got = await retrieve();
  expect(got.tokens).toEqual(long.flat());
  expect(got.trips).toBeGreaterThan(1);
  expect(got.trips).toBeLessThan(8);
});
