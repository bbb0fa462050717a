import { limits } from '../../model/index.js';

/** How many segments the next batch takes: fewer when the last one took long to encode, as on a busy machine. */
export class BatchSize {
  #segments: number = limits.compactionBatchSegmentsMax;

  get segments(): number {
    return this.#segments;
  }

  /** What encoding the last batch took. */
  took(ms: number): void {
    const { compactionBatchSegmentsMin: min, compactionBatchSegmentsMax: max, compactionBatchMs } = limits;
    if (ms > compactionBatchMs) this.#segments = Math.max(min, this.#segments >> 1);
    else if (ms < compactionBatchMs / 2) this.#segments = Math.min(max, this.#segments * 2);
  }
}
