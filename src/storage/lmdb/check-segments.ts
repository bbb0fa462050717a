import type { Codec } from '../../codec/index.js';
import { guarded, type Report } from './check-report.js';
import type { Tables } from './environment.js';
import { framePieces } from './frame-pieces.js';
import { decodeGarbage } from './garbage.js';
import { bucketOf, decodeBucket, fingerprintOf } from './hash-index.js';
import { COUNTS_PER_CHUNK } from './layout.js';
import { decodePack } from './pack.js';
import { RefCounts } from './ref-counts.js';
import { SegmentReader } from './segment-reader.js';
import type { State } from './state.js';

interface Segment {
  readonly frameBytes: number;
  readonly tokenCount: number;
  /** Of its hash; undefined where the frame does not decode. */
  readonly fingerprint: number | undefined;
  references: number;
  indexed: boolean;
}

/** Everything about segments: frames, and the tables that say something of them. */
export class CheckedSegments {
  /** A few numbers for each segment: the one thing here that grows with the vault. */
  readonly #segments = new Map<number, Segment>();
  readonly #firstOfHash = new Map<string, number>();
  #garbage = { segments: 0, bytes: 0 };

  constructor(
    private readonly tables: Tables,
    private readonly codec: Codec,
    private readonly state: State,
    private readonly report: Report,
  ) {}

  tokenCountOf(id: number): number | undefined {
    return this.#segments.get(id)?.tokenCount;
  }

  /** A manifest names the segment. */
  addReference(id: number): void {
    const segment = this.#segments.get(id);
    if (segment) segment.references += 1;
  }

  figures(): Partial<State> {
    const segments = [...this.#segments.values()];
    return {
      segments: segments.length,
      uniqueTokens: segments.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
      segmentBytes: segments.reduce((sum, { frameBytes }) => sum + frameBytes, 0),
      garbageSegments: this.#garbage.segments,
      garbageBytes: this.#garbage.bytes,
    };
  }

  /** Decodes every frame and names it again. */
  *frames(): Generator<number, void, void> {
    let lastId = 0;
    for (const { key, value } of this.tables.packs.range()) {
      guarded(this.report, 'pack', `pack ${key}`, () => {
        const { continues, entries } = decodePack(value);
        const firstId = continues ? key + 1 : key;
        if (firstId <= lastId)
          this.report('pack', `pack ${key}`, `begins before segment ${lastId} of the pack before`);
        lastId = key + entries.length - 1;
      });
      const reader = new SegmentReader(this.tables);
      for (let id = key; id <= lastId; id++) {
        if (this.#segments.has(id)) continue;
        yield this.#frame(id, reader) ? 1 : 0;
      }
    }
    yield* this.#pieces('heads', ({ headBytes }) => headBytes);
    yield* this.#pieces('halves', ({ halfBytes }) => halfBytes);
    if (lastId >= this.state.nextSegment) {
      this.report(
        'statistics',
        'nextSegment',
        `${this.state.nextSegment} is kept, segment ${lastId} is stored`,
      );
    }
  }

  /** Compares what the other tables say of segments. Needs frames() and all references. */
  *indexes(): Generator<number, void, void> {
    yield* this.#hashIndex();
    yield* this.#counts();
    yield* this.#garbageTable();
    for (const [id, { indexed }] of this.#segments) {
      if (!indexed) this.report('hash-index', `segment ${id}`, 'its hash does not lead to it');
      yield 0;
    }
  }

  #frame(id: number, reader: SegmentReader): boolean {
    const subject = `segment ${id}`;
    let stored = false;
    guarded(this.report, 'frame', subject, () => {
      const size = reader.size(id);
      if (!size) return;
      stored = true;
      this.#segments.set(id, { ...size, fingerprint: undefined, references: 0, indexed: false });
      const frame = reader.frame(id);
      const hash = this.codec.hashOf(frame);
      const { tokenCount } = this.codec.decode(frame);
      this.#segments.set(id, { ...size, fingerprint: fingerprintOf(hash), references: 0, indexed: false });
      if (tokenCount !== size.tokenCount) {
        this.report('frame', subject, `${tokenCount} tokens, not the ${size.tokenCount} that are kept`);
      }
      const first = this.#firstOfHash.get(hash);
      if (first !== undefined) this.report('hash-index', subject, `has the same tokens as segment ${first}`);
      this.#firstOfHash.set(hash, id);
    });
    return stored;
  }

  *#pieces(
    table: 'heads' | 'halves',
    bytesOf: (pieces: ReturnType<typeof framePieces>) => number,
  ): Generator<number, void, void> {
    for (const { key, value } of this.tables[table].range()) {
      const segment = this.#segments.get(key);
      const expected = segment ? bytesOf(framePieces(segment.frameBytes)) : 0;
      if (value.length !== expected) {
        this.report('frame', `segment ${key}`, `${value.length} bytes in ${table}, not ${expected}`);
      }
      yield 0;
    }
  }

  *#hashIndex(): Generator<number, void, void> {
    const { buckets } = this.state;
    for (const { key, value } of this.tables.hashIndex.range()) {
      const bucket = key - 1;
      guarded(this.report, 'hash-index', `bucket ${bucket}`, () => {
        for (const { fingerprint, id } of decodeBucket(value))
          this.#indexEntry(bucket, fingerprint, id, buckets);
      });
      yield 0;
    }
  }

  #indexEntry(bucket: number, fingerprint: number, id: number, buckets: number): void {
    const subject = `bucket ${bucket}`;
    const segment = this.#segments.get(id);
    if (!segment) this.report('hash-index', subject, `names segment ${id}, which is not stored`);
    else if (segment.indexed) this.report('hash-index', subject, `names segment ${id} once more`);
    else if (segment.fingerprint !== undefined && segment.fingerprint !== fingerprint) {
      this.report('hash-index', subject, `has another fingerprint for segment ${id}`);
    } else if (bucketOf(fingerprint, buckets) !== bucket) {
      this.report('hash-index', subject, `has segment ${id}, which belongs to another bucket`);
    }
    if (segment) segment.indexed = true;
  }

  *#counts(): Generator<number, void, void> {
    const counts = new RefCounts(this.tables);
    for (const [id, { references }] of this.#segments) {
      guarded(this.report, 'reference-counts', `segment ${id}`, () => {
        const kept = counts.get(id);
        if (kept === references) return;
        const found = kept === undefined ? 'it counts as not stored' : `${kept} references are kept`;
        this.report('reference-counts', `segment ${id}`, `${found}, ${references} were counted`);
      });
      yield 0;
    }
    for (const { key, value } of this.tables.refCounts.range()) {
      for (const [index, byte] of value.entries()) {
        const id = (key - 1) * COUNTS_PER_CHUNK + index;
        if (byte !== 0 && !this.#segments.has(id)) {
          this.report('reference-counts', `segment ${id}`, 'references are kept, and it is not stored');
        }
      }
      yield 0;
    }
    for (const { key } of this.tables.bigRefCounts.range()) {
      if ((this.#segments.get(key)?.references ?? 0) < 254) {
        this.report('reference-counts', `segment ${key}`, 'a big count is kept of it');
      }
      yield 0;
    }
  }

  *#garbageTable(): Generator<number, void, void> {
    for (const { key, value } of this.tables.garbage.range()) {
      const segment = this.#segments.get(key);
      guarded(this.report, 'garbage', `segment ${key}`, () => {
        const { frameBytes } = decodeGarbage(value);
        if (!segment) this.report('garbage', `segment ${key}`, 'it is garbage and not stored');
        else if (segment.references > 0)
          this.report('garbage', `segment ${key}`, 'it is garbage and referenced');
        else if (segment.frameBytes !== frameBytes) {
          this.report('garbage', `segment ${key}`, `a frame of ${frameBytes} bytes is kept of it`);
        } else {
          this.#garbage.segments += 1;
          this.#garbage.bytes += frameBytes;
        }
      });
      yield 0;
    }
    for (const [id, { references }] of this.#segments) {
      if (references === 0 && !this.tables.garbage.get(id)) {
        this.report('garbage', `segment ${id}`, 'it has no reference and is not garbage');
      }
      yield 0;
    }
  }
}
