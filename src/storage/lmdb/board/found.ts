import type { SegmentId } from '../tables/ids.js';
import { type BoardEntry, lowest, type Thresholds, withUse } from './board.js';
import { type BoardLimits, type Candidate, choose, isAbove } from './choice.js';

/** Shared segments that a scan has found, the first ones of both orders. */
export class Found {
  thresholds: Thresholds = lowest;
  readonly #candidates = new Map<SegmentId, Candidate>();

  constructor(private readonly limits: BoardLimits) {}

  add(id: SegmentId, tokenCount: number, references: number): BoardEntry | undefined {
    if (!isAbove(this.thresholds, tokenCount, references)) return undefined;
    const entry: BoardEntry = { id, tokenCount, uses: undefined };
    this.#candidates.set(id, { entry, references });
    if (this.#candidates.size > 2 * this.limits.entries) this.#cut();
    return entry;
  }

  use(id: SegmentId, tokenCount: number, references: () => number, number: number, timeMs: number): void {
    const entry = this.#candidates.get(id)?.entry ?? this.add(id, tokenCount, references());
    if (entry) entry.uses = withUse(entry.uses, number, timeMs);
  }

  entries(): BoardEntry[] {
    return [...this.#candidates.values()].map(({ entry }) => entry).sort((a, b) => a.id - b.id);
  }

  #cut(): void {
    const { kept, thresholds } = choose([...this.#candidates.values()], this.thresholds, this.limits);
    this.#candidates.clear();
    for (const candidate of kept) this.#candidates.set(candidate.entry.id, candidate);
    this.thresholds = thresholds;
  }
}
