import { limits, type SegmentHash, type TokenRun } from '../../model/index.js';
import type { Change, ChangeResult } from '../../storage/index.js';
import { storeSegments, commitWithSegments, type CommitParts, withoutReferences } from './commit-segments.js';

/** Limit of the hashes remembered as stored by this request, so that they need not be stored again. */
const rememberedMax = 16 * 1024;
/** Memory of a hash in a set. */
const nameBytes = 160;

/**
 * Stores the segments of an upload, or of another large request, in batches before its commit. The caller
 * holds a lease of the backend from before the first of them. It protects from collection: new segments,
 * segments found with a reference, and garbage that is stored again.
 */
export class EarlySegments {
  readonly #stored = new Set<SegmentHash>();
  #batch = new Map<SegmentHash, TokenRun>();
  #batchTokens = 0;
  #batchBytes = 0;
  /** Totals of the batches before the last: only segments that were not stored before. */
  readonly #new = { segments: 0, tokens: 0, frameBytes: 0 };

  constructor(
    private readonly parts: CommitParts,
    /** The conversation that is going to name them. */
    private readonly id: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Approximate memory that it holds, in bytes. */
  get heldBytes(): number {
    return (this.#stored.size + this.#batch.size) * nameBytes + this.#batchBytes;
  }

  /** Adds a token sequence whose hash is known; stores the batch that it completes. */
  async add(hash: SegmentHash, run: TokenRun): Promise<void> {
    if (!this.#stored.has(hash) && !this.#batch.has(hash)) {
      this.#batch.set(hash, run);
      this.#batchTokens += run.tokenCount;
      this.#batchBytes += run.varints.length;
      if (
        this.#batchTokens >= limits.uploadBatchTokensMax ||
        this.#batch.size >= limits.uploadBatchSegmentsMax
      ) {
        await this.#flush();
      }
    }
  }

  /** Makes a change together with the last batch. */
  async commitWith(change: Change): Promise<ChangeResult> {
    const { bring } = await this.#lookUp();
    const storedEarlier = { ...this.#new };
    return commitWithSegments(this.parts, { ...change, storedEarlier }, this.#batch, bring, this.signal);
  }

  async #flush(): Promise<void> {
    const { bring, missing } = await this.#lookUp();
    if (bring.length > 0) {
      const batch = this.#batch;
      const runs = new Map(bring.map((hash) => [hash, batch.get(hash)!]));
      for (const { hash, tokenCount, frame } of await storeSegments(this.parts, this.id, runs, this.signal)) {
        if (!missing.has(hash)) continue;
        this.#new.segments += 1;
        this.#new.tokens += tokenCount;
        this.#new.frameBytes += frame.length;
      }
    }
    if (this.#stored.size + this.#batch.size > rememberedMax) this.#stored.clear();
    for (const hash of this.#batch.keys()) this.#stored.add(hash);
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
