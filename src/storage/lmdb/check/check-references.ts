import { limits } from '../../../model/index.js';
import { referenceOfKey } from '../segments/references.js';
import type { Tables } from '../tables/environment.js';
import type { SegmentId } from '../tables/ids.js';
import { checkedEntries } from './check-key-index.js';
import { guarded, type Report } from './check-report.js';

/** Data of the segments that this check reads and fills. */
interface ReferencedSegments {
  has(id: number): boolean;
  addReference(id: number): void;
  setRanked(id: number): void;
}

/** Reads every outside reference and counts it. To be called after the frames. */
export function* checkReferences(
  tables: Pick<Tables, 'references'>,
  segments: ReferencedSegments,
  report: Report,
): Generator<number, void, void> {
  const what = 'outside references';
  for (const { key } of checkedEntries(tables.references, 'references', what, report)) {
    guarded(report, 'references', what, () => {
      const { id, holder } = referenceOfKey(key);
      const subject = `holder ${holder}`;
      if (Buffer.byteLength(holder) > limits.holderBytesMax) {
        report('references', subject, `its name is longer than ${limits.holderBytesMax} bytes`);
      }
      if (segments.has(id)) {
        segments.addReference(id);
        segments.setRanked(id);
      } else report('references', subject, `refers to segment ${id}, which is not stored`);
    });
    yield 0;
  }
}

const CHUNK = 4096;

interface Columns {
  readonly frameBytes: Uint32Array;
  readonly tokenCount: Uint32Array;
  readonly references: Uint32Array;
  readonly fingerprint: Uint32Array;
  readonly flags: Uint8Array;
}

const STORED = 1;
const NAMED = 2;
const INDEXED = 4;
const RANKED = 8;
const OF_FIELDS = 16;

/** Data of each segment during a check: 17 bytes, its only memory that grows with the vault. */
export class SegmentColumns {
  readonly #chunks = new Map<number, Columns>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(id: number, frameBytes: number, tokenCount: number): void {
    const number = Math.floor(id / CHUNK);
    let chunk = this.#chunks.get(number);
    if (!chunk) {
      chunk = {
        frameBytes: new Uint32Array(CHUNK),
        tokenCount: new Uint32Array(CHUNK),
        references: new Uint32Array(CHUNK),
        fingerprint: new Uint32Array(CHUNK),
        flags: new Uint8Array(CHUNK),
      };
      this.#chunks.set(number, chunk);
    }
    chunk.frameBytes[id % CHUNK] = frameBytes;
    chunk.tokenCount[id % CHUNK] = tokenCount;
    chunk.flags[id % CHUNK] = STORED;
    this.#count += 1;
  }

  has(id: number): boolean {
    return this.#flag(id, STORED);
  }

  frameBytes(id: number): number {
    return this.#figure(id, 'frameBytes');
  }

  tokenCount(id: number): number {
    return this.#figure(id, 'tokenCount');
  }

  references(id: number): number {
    return this.#figure(id, 'references');
  }

  addReference(id: number): void {
    const chunk = this.#chunk(id);
    if (chunk) chunk.references[id % CHUNK]! += 1;
  }

  /** Sets the fingerprint of a frame that decodes. */
  setFingerprint(id: number, fingerprint: number): void {
    const chunk = this.#chunk(id);
    if (!chunk) return;
    chunk.fingerprint[id % CHUNK] = fingerprint;
    chunk.flags[id % CHUNK]! |= NAMED;
  }

  /** Undefined if the frame does not decode. */
  fingerprint(id: number): number | undefined {
    return this.#flag(id, NAMED) ? this.#figure(id, 'fingerprint') : undefined;
  }

  isIndexed(id: number): boolean {
    return this.#flag(id, INDEXED);
  }

  setIndexed(id: number): void {
    const chunk = this.#chunk(id);
    if (chunk) chunk.flags[id % CHUNK]! |= INDEXED;
  }

  /** True if it is in the content of a message, or referred to from outside, and in no field. */
  isRanked(id: number): boolean {
    return this.#flag(id, RANKED) && !this.#flag(id, OF_FIELDS);
  }

  setRanked(id: number): void {
    const chunk = this.#chunk(id);
    if (chunk) chunk.flags[id % CHUNK]! |= RANKED;
  }

  /** Notes that a field has it: the board of shared segments need not know all of its references. */
  setOfFields(id: number): void {
    const chunk = this.#chunk(id);
    if (chunk) chunk.flags[id % CHUNK]! |= OF_FIELDS;
  }

  /** In ascending order. */
  *ids(): Generator<SegmentId, void, void> {
    for (const number of [...this.#chunks.keys()].sort((a, b) => a - b)) {
      for (let id = number * CHUNK; id < (number + 1) * CHUNK; id++) if (this.has(id)) yield id as SegmentId;
    }
  }

  #chunk(id: number): Columns | undefined {
    return this.#chunks.get(Math.floor(id / CHUNK));
  }

  #figure(id: number, column: Exclude<keyof Columns, 'flags'>): number {
    return this.#chunk(id)?.[column][id % CHUNK] ?? 0;
  }

  #flag(id: number, flag: number): boolean {
    return ((this.#chunk(id)?.flags[id % CHUNK] ?? 0) & flag) !== 0;
  }
}
