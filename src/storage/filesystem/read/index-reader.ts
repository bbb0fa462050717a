import type { SegmentHash } from '../../../model/index.js';
import type { SegmentKey, StoredSegment } from '../../change.js';
import type { ConversationPage, GarbagePage, GarbageQuery, ListQuery } from '../../queries.js';
import { closed, segmentNotFound } from '../../refusals.js';
import { storedSegment, type SegmentEntry } from '../vault-index/entries.js';
import type { VaultIndex } from '../vault-index/vault-index.js';
import { listConversations } from './listing.js';

/** What a vault of files answers from its index alone. */
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

  /** There is no full list while a manifest is damaged. @throws StowkenError CORRUPT_STORE */
  protected abstract assertManifestsRead(): void;

  /** Nor is it known what refers to what, while a list of holders is. @throws StowkenError CORRUPT_STORE */
  protected abstract assertReferencesRead(): void;

  protected assertOpen(): void {
    if (!this.#open) throw closed();
  }

  /** Whether this was the call that closed it. */
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
