import type { TokenCore } from '../../../core/index.js';
import { limits, type NamedSegment, type SegmentHash, type TokenRun } from '../../../model/index.js';
import type { Change, ChangeResult } from '../../../storage/index.js';
import {
  storeSegments,
  commitWithSegments,
  type CommitParts,
  withoutReferences,
} from '../commit-segments.js';

export interface EarlyParts extends CommitParts {
  readonly core: TokenCore;
}

/** Limit of the hashes remembered as stored by this upload, so that they need not be stored again. */
const rememberedMax = 16 * 1024;
/** Memory of a hash in a set. */
const nameBytes = 160;

/**
 * Stores an upload's segments in batches while they arrive. A lease, taken before the first of them, protects
 * from collection: new segments, segments found with a reference, and garbage that is stored again.
 */
export class EarlySegments {
  readonly #brought = new Set<SegmentHash>();
  #batch = new Map<SegmentHash, TokenRun>();
  #batchTokens = 0;
  #batchBytes = 0;
  /** Totals of the batches before the last: only segments that were not stored before. */
  readonly stored = { segments: 0, tokens: 0, frameBytes: 0 };

  constructor(
    private readonly parts: EarlyParts,
    private readonly signal: AbortSignal,
  ) {}

  /** Approximate memory that it holds, in bytes. */
  get heldBytes(): number {
    return (this.#brought.size + this.#batch.size) * nameBytes + this.#batchBytes;
  }

  async add(run: TokenRun): Promise<NamedSegment> {
    const hash = this.parts.core.hash(run.varints);
    const { tokenCount } = run;
    if (!this.#brought.has(hash) && !this.#batch.has(hash)) {
      this.#batch.set(hash, run);
      this.#batchTokens += tokenCount;
      this.#batchBytes += run.varints.length;
      if (
        this.#batchTokens >= limits.uploadBatchTokensMax ||
        this.#batch.size >= limits.uploadBatchSegmentsMax
      ) {
        await this.#flush();
      }
    }
    return { hash, tokenCount };
  }

  /** Makes a change together with the last batch. */
  async commitWith(change: Change): Promise<ChangeResult> {
    const { bring } = await this.#lookUp();
    return commitWithSegments(this.parts, change, this.#batch, bring, this.signal);
  }

  async #flush(): Promise<void> {
    const { bring, missing } = await this.#lookUp();
    if (bring.length > 0) {
      const batch = this.#batch;
      const runs = new Map(bring.map((hash) => [hash, batch.get(hash)!]));
      for (const { hash, tokenCount, frame } of await storeSegments(this.parts, runs, this.signal)) {
        if (!missing.has(hash)) continue;
        this.stored.segments += 1;
        this.stored.tokens += tokenCount;
        this.stored.frameBytes += frame.length;
      }
    }
    if (this.#brought.size + this.#batch.size > rememberedMax) this.#brought.clear();
    for (const hash of this.#batch.keys()) this.#brought.add(hash);
    this.#batch = new Map();
    this.#batchTokens = 0;
    this.#batchBytes = 0;
  }

  /** Looks up the batch: which segments are missing, and which must be stored in any case. */
  async #lookUp(): Promise<{ bring: SegmentHash[]; missing: ReadonlySet<SegmentHash> }> {
    const { backend } = this.parts;
    const hashes = [...this.#batch.keys()];
    const found = await backend.findSegments(hashes);
    const loose = await withoutReferences(backend, found);
    return {
      bring: hashes.filter((_, index) => loose[index]),
      missing: new Set(hashes.filter((_, index) => found[index] === undefined)),
    };
  }
}
