import type { MessageRecord } from '../../src/model/index.js';
import type { Change, ConversationSnapshot, ManagedBackend, StoredMessage } from '../../src/storage/index.js';
import { longSegment, message, segment, spec } from './support.js';
import { messagesOf } from '../support/snapshots.js';

/** Segments that long lists name again and again, and one without tokens. */
export const shared = [
  ...Array.from({ length: 40 }, (_, seed) => longSegment(1 + seed * 3, seed)),
  segment(),
];

/**
 * Returns distinct messages, from number `from` on, with the shared segments; some have none, some several.
 */
export function longList(count: number, from = 0): MessageRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const n = from + index;
    const segments = n % 17 === 0 ? [] : Array.from({ length: n % 13 === 0 ? 3 : 1 }, (_, at) => n * 7 + at);
    return {
      ...message(
        ['user', 'assistant', 'tool'][n % 3]!,
        ...segments.map((each) => shared[each % shared.length]!),
      ),
      name: n % 50 === 0 ? `name-${n % 3}` : '',
      toolCallId: n % 3 === 2 ? `call_${n}` : '',
    };
  });
}

/** A put of these messages, with the shared segments. */
export function puttingList(id: string, messages: readonly MessageRecord[], fields = {}): Change {
  return {
    newSegments: shared,
    put: { spec: spec(id, fields), messages, expect: { kind: 'absentOrSame' }, timeMs: 1_000 },
  };
}

/** Returns a snapshot's messages in the form of a change. */
export async function statedBy(
  backend: ManagedBackend,
  messages: Iterable<StoredMessage>,
): Promise<MessageRecord[]> {
  const stored = [...messages];
  const keys = [...new Set(stored.flatMap(({ segments }) => segments.map(({ key }) => key)))];
  const hashes = await backend.readHashes(keys);
  const hashOf = new Map(keys.map((key, index) => [key, hashes[index]!]));
  return stored.map(({ role, name, toolCallId, segments }) => ({
    role,
    name,
    toolCallId,
    segments: segments.map(({ key, tokenCount }) => ({ hash: hashOf.get(key)!, tokenCount })),
  }));
}

/** Returns a conversation's messages; undefined if there is none. */
export async function listOf(backend: ManagedBackend, id: string): Promise<MessageRecord[] | undefined> {
  const snapshot = await backend.openConversation(id);
  if (!snapshot) return undefined;
  try {
    return await statedBy(backend, await messagesOf(snapshot));
  } finally {
    snapshot.release();
  }
}

export async function opened(backend: ManagedBackend, id: string): Promise<ConversationSnapshot> {
  const snapshot = await backend.openConversation(id);
  if (!snapshot) throw new Error(`there is no conversation ${id}`);
  return snapshot;
}

export function tokensOf(messages: readonly MessageRecord[]): number {
  return messages.flatMap(({ segments }) => segments).reduce((sum, { tokenCount }) => sum + tokenCount, 0);
}
