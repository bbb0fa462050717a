import { contentSegments, type Expiry, isExpired, type SegmentHash } from '../../model/index.js';
import type { SegmentKey } from '../contract/change.js';
import type {
  SharedFinding,
  SharedHolder,
  SharedQuery,
  UseTimes,
  UseTimesQuery,
} from '../contract/shared.js';
import type { RecordedManifest } from '../shared/staged-vault.js';
import type { MemoryStore } from './store.js';

/** Messages that are looked at before other work gets its turn. */
const SLICE = 10_000;

interface Shared {
  readonly id: number;
  readonly tokenCount: number;
  readonly references: number;
  firstMs: number;
  lastMs: number;
  holder: SharedHolder | undefined;
  /** True if it is in the fields of a message. */
  isField: boolean;
}

/**
 * Finds the first shared segments of an order by a look at all records: they are in memory, and no content is
 * read. Conversations that were deleted, or have expired, are not seen.
 */
export async function findShared(
  store: MemoryStore,
  { order, limit, expiry, signal }: SharedQuery,
): Promise<SharedFinding[]> {
  const shared = new Map<SegmentHash, Shared>();
  for (const { id, hash, tokenCount, references } of store.segments.values())
    if (references > 1)
      shared.set(hash, {
        ...{ id, tokenCount, references, holder: undefined, isField: false },
        ...{ firstMs: Infinity, lastMs: -Infinity },
      });
  for await (const { conversation, messages } of manifests(store, signal))
    for (const [messageIndex, message] of messages.entries()) {
      const content = contentSegments(message);
      for (const [at, { hash }] of message.segments.entries()) {
        const found = shared.get(hash);
        if (!found) continue;
        if (at >= content.length) found.isField = true;
        else if (!hasExpired(conversation, expiry)) {
          found.holder ??= { conversationId: conversation.id, messageIndex, role: message.role };
          found.firstMs = Math.min(found.firstMs, conversation.createTimeMs);
          found.lastMs = Math.max(found.lastMs, conversation.createTimeMs);
        }
      }
    }
  const rankOf = ({ references, tokenCount }: Shared) =>
    order === 'references' ? references : (references - 1) * tokenCount;
  return [...shared.values()]
    .filter(({ holder, isField }) => holder !== undefined || !isField)
    .sort((a, b) => rankOf(b) - rankOf(a) || a.id - b.id)
    .slice(0, limit)
    .map(({ id, tokenCount, references, holder, firstMs, lastMs }) => ({
      ...{ key: id as SegmentKey, tokenCount, references, holder },
      firstMs: holder && firstMs,
      lastMs: holder && lastMs,
    }));
}

/** Yields the create times of the conversations that have a segment. */
export async function* useTimes(
  store: MemoryStore,
  { key, expiry, signal }: UseTimesQuery,
): AsyncGenerator<UseTimes, void, void> {
  const hash = store.segmentById(Number(key))?.hash;
  const createTimesMs: number[] = [];
  let looked = 0;
  for await (const { conversation, messages } of manifests(store, signal)) {
    looked += 1;
    const has = messages.some(({ segments }) => segments.some((each) => each.hash === hash));
    if (has && !hasExpired(conversation, expiry)) createTimesMs.push(conversation.createTimeMs);
  }
  yield { createTimesMs, looked, damaged: 0 };
}

function hasExpired(conversation: RecordedManifest['conversation'], expiry: Expiry | undefined): boolean {
  return expiry !== undefined && isExpired(conversation, expiry);
}

/** Yields the conversations in the order in which they were stored, in slices. */
async function* manifests(
  store: MemoryStore,
  signal: AbortSignal,
): AsyncGenerator<RecordedManifest, void, void> {
  let looked = 0;
  // Records are replaced as a whole: these stay as they are now.
  for (const manifest of [...store.inOrder(false, 0)]) {
    yield manifest;
    looked += 1 + manifest.messages.length;
    if (looked < SLICE) continue;
    looked = 0;
    await new Promise(setImmediate);
    signal.throwIfAborted();
  }
}
