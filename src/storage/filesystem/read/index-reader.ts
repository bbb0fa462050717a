import type { SegmentHash } from '../../../model/index.js';
import type { SegmentKey, StoredSegment } from '../../contract/change.js';
import type { ConversationPage, GarbagePage, GarbageQuery, ListQuery } from '../../contract/queries.js';
import { listConversations, listGarbage, storedSegment } from '../../shared/record-queries.js';
import { closed, segmentNotFound } from '../../shared/refusals.js';
import type { SegmentEntry } from '../vault-index/figures.js';
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

  async listGarbage(query: GarbageQuery): Promise<GarbagePage> {
    this.assertOpen();
    this.assertReferencesRead();
    return listGarbage(this.index, query);
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
