import type { Codec } from '../../../codec/index.js';
import type { SegmentHash } from '../../../model/index.js';
import { segmentNotFound } from '../../refusals.js';
import type { Absences } from './absences.js';
import type { Tables } from '../tables/environment.js';
import type { ChunkKeys } from './chunk-keys.js';
import { HashIndex } from './hash-index.js';
import { RefCounts } from './ref-counts.js';
import type { KnownSegment, SegmentCache } from './segment-cache.js';
import { SegmentReader } from '../packs/segment-reader.js';
import { readCommitSequence } from '../tables/state.js';

/** Looks segments up by hash and back, for one stretch of reading. The whole hash always decides. */
export class SegmentFinder {
  readonly reader: SegmentReader;
  readonly #counts: RefCounts;
  readonly #index: HashIndex;
  /** Of the state that this stretch sees. */
  #sequence: number | undefined;

  constructor(
    private readonly tables: Tables,
    private readonly chunkKeys: ChunkKeys,
    private readonly cache: SegmentCache,
    private readonly absences: Absences,
    private readonly codec: Codec,
  ) {
    this.reader = new SegmentReader(tables);
    this.#counts = new RefCounts(tables.refCounts, tables.bigRefCounts);
    this.#index = new HashIndex(tables.hashIndex, chunkKeys);
  }

  find(hash: SegmentHash): KnownSegment | undefined {
    const known = this.cache.byHash(hash);
    if (known && this.#counts.get(known.id) !== undefined) return known;
    for (const id of this.#index.candidates(hash)) {
      const candidate = this.known(id);
      if (candidate.hash === hash) return candidate;
    }
    this.#sequence ??= readCommitSequence(this.tables.meta);
    if (this.#sequence === this.chunkKeys.sequence) this.absences.add(this.#sequence, hash);
    return undefined;
  }

  /** Undefined: the segment is not stored. */
  references(id: number): number | undefined {
    return this.#counts.get(id);
  }

  /** @throws StowkenError SEGMENT_NOT_FOUND, CORRUPT_STORE, CORRUPT_SEGMENT */
  known(id: number): KnownSegment {
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
