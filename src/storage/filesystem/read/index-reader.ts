import type { Conversation, SegmentHash } from '../../../model/index.js';
import type { SegmentKey, StoredSegment } from '../../contract/change.js';
import type {
  ConversationPage,
  GarbagePage,
  GarbageQuery,
  ListQuery,
  ScanQuery,
} from '../../contract/queries.js';
import { numberAt, positionOf } from '../../shared/list-position.js';
import { matchesFilter } from '../../shared/records.js';
import { closed, segmentNotFound } from '../../shared/refusals.js';
import { type SegmentEntry, storedSegment } from '../vault-index/figures.js';
import type { VaultIndex } from '../vault-index/vault-index.js';

/** Queries of a vault of files that the index alone can answer. */
export abstract class IndexReader {
  readonly kind = 'filesystem';
  #open = true;

  constructor(
    readonly vaultId: string,
    protected readonly index: VaultIndex,
  ) {}

  async findSegments(hashes: readonly SegmentHash[]): Promise<(StoredSegment | undefined)[]> {
    this.assertOpen();
    return hashes.map((hash) => {
      const entry = this.index.segment(hash);
      return entry && storedSegment(entry);
    });
  }

  async readHashes(keys: readonly SegmentKey[]): Promise<SegmentHash[]> {
    this.assertOpen();
    return keys.map((key) => this.entry(key).hash);
  }

  async countReferences(keys: readonly SegmentKey[]): Promise<(number | undefined)[]> {
    this.assertOpen();
    this.assertReferencesRead();
    return keys.map((key) => this.index.segmentById(Number(key))?.references);
  }

  async listConversations(query: ListQuery): Promise<ConversationPage> {
    this.assertOpen();
    this.assertManifestsRead();
    return listConversations(this.index, query);
  }

  async listGarbage({ limit, garbageBeforeMs, after }: GarbageQuery): Promise<GarbagePage> {
    this.assertOpen();
    this.assertReferencesRead();
    const garbage = this.index
      .garbageAfter(Number(after ?? 0))
      .filter(({ unreferencedSinceMs }) => unreferencedSinceMs <= garbageBeforeMs);
    const segments = garbage.slice(0, limit).map(storedSegment);
    return { segments, next: segments.length < garbage.length ? segments.at(-1)?.key : undefined };
  }

  /** @throws StowkenError CORRUPT_STORE while a manifest is damaged: then the list is incomplete */
  protected abstract assertManifestsRead(): void;

  /**
   * @throws StowkenError CORRUPT_STORE while a list of holders is damaged: then the references are incomplete
   */
  protected abstract assertReferencesRead(): void;

  protected assertOpen(): void {
    if (!this.#open) throw closed();
  }

  /** Returns whether this was the call that closed it. */
  protected markClosed(): boolean {
    const wasOpen = this.#open;
    this.#open = false;
    return wasOpen;
  }

  protected entry(key: SegmentKey): SegmentEntry {
    const entry = typeof key === 'number' ? this.index.segmentById(key) : undefined;
    if (!entry) throw segmentNotFound(key);
    return entry;
  }
}

/** Conversations that are examined before other work gets its turn. */
const SLICE = 2000;

/**
 * Returns a page in creation order. The position is a conversation's number, so nothing is repeated or
 * skipped.
 */
export async function listConversations(index: VaultIndex, query: ListQuery): Promise<ConversationPage> {
  const { filter, limit, scanLimit, order } = query;
  const newestFirst = order === 'newestFirst';
  const conversations: Conversation[] = [];
  let position = firstPosition(index, query);
  let scanned = 0;
  for (const { number, conversation } of index.inOrder(newestFirst, position)) {
    if (isPast(conversation, query)) return { conversations, next: undefined };
    if (conversations.length >= limit || scanned >= scanLimit)
      return { conversations, next: positionOf(position) };
    if (matchesFilter(conversation, filter)) conversations.push(conversation);
    position = number;
    scanned += 1;
    if (scanned % SLICE > 0) continue;
    await new Promise(setImmediate);
    query.signal?.throwIfAborted();
  }
  return { conversations, next: undefined };
}

/**
 * Returns the number after which to begin: create times rise with the numbers, so a time range is found by
 * bisection.
 */
function firstPosition(index: VaultIndex, { after, order, filter }: ListQuery): number {
  if (after !== undefined) return numberAt(after);
  if (order === 'oldestFirst') return index.numberFrom(filter.createTimeFromMs ?? -Infinity) - 1;
  return filter.createTimeBeforeMs === undefined ? Infinity : index.numberFrom(filter.createTimeBeforeMs);
}

/** True if no later conversation in this order can be in the time range. */
function isPast({ createTimeMs }: Conversation, { order, filter }: ListQuery): boolean {
  if (order === 'newestFirst') return createTimeMs < (filter.createTimeFromMs ?? -Infinity);
  return createTimeMs >= (filter.createTimeBeforeMs ?? Infinity);
}

export interface ScanPage {
  readonly entries: readonly SegmentEntry[];
  readonly next: SegmentKey | undefined;
}

/** Returns the next stored segments by id, as many as the query allows. */
export function scanPage(index: VaultIndex, { after, limit, bytesMax }: ScanQuery): ScanPage {
  const entries: SegmentEntry[] = [];
  let bytes = 0;
  for (let id = Number(after ?? 0) + 1; id < index.nextSegment; id++) {
    const entry = index.segmentById(id);
    if (!entry) continue;
    bytes += entry.frameBytes;
    const last = entries.at(-1);
    const isFull = entries.length === limit || bytes > bytesMax;
    if (isFull && last) return { entries, next: last.id as SegmentKey };
    entries.push(entry);
  }
  return { entries, next: undefined };
}
