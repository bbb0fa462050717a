import type { Codec } from '../../../codec/index.js';
import type { SegmentHash } from '../../../model/index.js';
import type { ScannedSegment, ScanQuery, SegmentScan } from '../../contract/queries.js';
import { segmentNotFound } from '../../shared/refusals.js';
import { SegmentReader } from '../packs/segment-reader.js';
import type { Tables } from '../tables/environment.js';
import { COUNTS_PER_CHUNK } from '../tables/layout.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { readCommitSequence, storedFigure } from '../tables/meta.js';
import { type SegmentId, idAfter, keyOf } from '../tables/ids.js';
import { type ChunkKeys, StoredChunkKeys } from './chunk-keys.js';
import { frameWitness } from './frame-witness.js';
import { HashIndex } from './hash-index.js';
import type { RecentHashes } from './recent-hashes.js';
import { countChunks, RefCounts } from './ref-counts.js';
import type { NegativeLookupCache, KnownSegment, SegmentCache } from './segment-caches.js';

/** Looks segments up by hash and back, for one stretch of reading. The whole hash always decides. */
export class SegmentFinder {
  #reader: SegmentReader | undefined;
  readonly #counts: RefCounts<SegmentId>;
  readonly #index: HashIndex;
  readonly #recent: RecentHashes;
  #storedIndex: HashIndex | undefined;
  /** Commit of the state that this stretch sees. */
  readonly #sequence: number;

  constructor(
    private readonly tables: Tables,
    private readonly chunkKeys: ChunkKeys,
    private readonly cache: SegmentCache,
    private readonly absences: NegativeLookupCache,
    recentHashes: RecentHashes,
    private readonly codec: Codec,
  ) {
    this.#counts = new RefCounts(
      tables.refCounts,
      tables.bigRefCounts,
      storedFigure(tables.meta, 'nextSegment'),
    );
    this.#sequence = readCommitSequence(tables.meta);
    this.#recent = recentHashes.at(this.#sequence);
    this.#index = new HashIndex(tables.hashIndex, chunkKeys, this.#recent);
  }

  get reader(): SegmentReader {
    const isIndexed = (hash: SegmentHash, id: SegmentId) => this.#candidates(hash).includes(id);
    return (this.#reader ??= new SegmentReader(
      this.tables,
      frameWitness(this.codec, this.#counts, isIndexed),
    ));
  }

  /** The same index, by the chunks' stored keys. */
  get #stored(): HashIndex {
    const { hashIndex } = this.tables;
    return (this.#storedIndex ??= new HashIndex(hashIndex, new StoredChunkKeys(hashIndex), this.#recent));
  }

  find(hash: SegmentHash): KnownSegment | undefined {
    const known = this.cache.byHash(hash);
    if (known && this.#counts.get(known.id) !== undefined) return known;
    const found = this.#among(this.#candidates(hash), hash);
    if (!found && this.chunkKeys.sequence === this.#sequence) this.absences.add(this.#sequence, hash);
    return found;
  }

  /**
   * Chunks are split and joined between two states: keys in memory of another state than this one would
   * mislead.
   */
  #candidates(hash: SegmentHash): readonly SegmentId[] {
    const { sequence } = this.chunkKeys;
    const isStale = sequence !== undefined && sequence !== this.#sequence;
    return (isStale ? this.#stored : this.#index).candidates(hash);
  }

  #among(candidates: readonly SegmentId[], hash: SegmentHash): KnownSegment | undefined {
    for (const id of candidates) {
      const candidate = this.known(id);
      if (candidate.hash === hash) return candidate;
    }
    return undefined;
  }

  /** True if the stored index leads from the hash to the segment. Asks no cache. */
  isIndexed(hash: SegmentHash, id: SegmentId): boolean {
    return this.#stored.candidates(hash).includes(id);
  }

  /** Returns undefined if the segment is not stored. */
  references(id: SegmentId): number | undefined {
    return this.#counts.get(id);
  }

  /** @throws StowkenError SEGMENT_NOT_FOUND, CORRUPT_STORE, CORRUPT_SEGMENT */
  known(id: SegmentId): KnownSegment {
    const cached = this.cache.byId(id);
    if (cached && this.#counts.get(id) !== undefined) return cached;
    const size = this.reader.size(id);
    if (!size) throw segmentNotFound(id);
    const hash = this.codec.hashOf(this.reader.frame(id));
    const read: KnownSegment = { id, hash, tokenCount: size.tokenCount };
    this.cache.add(read);
    return read;
  }
}

/**
 * Yields the next stored segments by id, with those frames that can be read. The reference counts define
 * which ids are stored.
 */
export function scanSegments(
  tables: Tables,
  reader: SegmentReader,
  { after, limit, bytesMax }: ScanQuery,
): SegmentScan {
  const firstId = idAfter(after);
  const segments: ScannedSegment[] = [];
  let bytes = 0;
  for (const { key, value } of countChunks(tables, firstId)) {
    for (const [index, count] of value.entries()) {
      const id = ((key - 1) * COUNTS_PER_CHUNK + index) as SegmentId;
      const size = id < firstId || count === 0 ? undefined : undefinedIfCorrupt(() => reader.size(id));
      if (!size) continue;
      const isFull = segments.length === limit || bytes + size.frameBytes > bytesMax;
      if (isFull && segments.length > 0) return { segments, next: segments.at(-1)!.key };
      const frame = undefinedIfCorrupt(() => reader.frame(id));
      if (!frame) continue;
      segments.push({ key: keyOf(id), tokenCount: size.tokenCount, frame });
      bytes += size.frameBytes;
    }
  }
  return { segments, next: undefined };
}
