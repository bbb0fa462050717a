import type { Codec } from '../../../codec/index.js';
import type { SegmentId } from '../tables/ids.js';
import type { SegmentColumns } from './check-references.js';
import { guarded, intact, type Report } from './check-report.js';
import type { Tables } from '../tables/environment.js';
import { countsIn, decodeGarbage, RefCounts } from '../segments/ref-counts.js';
import { printOf } from '../segments/dense-chunk.js';
import { baseOf, entriesIn, type IndexEntry, LAST_FINGERPRINT, lastOf } from '../segments/index-chunk.js';
import { type RecentEntry, recentEntries } from '../segments/recent-hashes.js';
import { trustsDamagedPacks, SegmentReader } from '../packs/segment-reader.js';
import { storedFigure } from '../tables/meta.js';

/** Compares the tables of segments with the frames and the references that were found. */
export class CheckedSegments {
  readonly garbage = { garbageSegments: 0, garbageBytes: 0 };

  constructor(
    private readonly tables: Tables,
    private readonly codec: Codec,
    private readonly segments: SegmentColumns,
    private readonly report: Report,
  ) {}

  *hashIndex(): Generator<number, void, void> {
    /** First fingerprint after the ranges of all chunks so far. */
    let next = 0;
    const recent = this.#recentHashes();
    const chunks = intact(this.tables.hashIndex, this.report, 'hash-index', (key) => `chunk ${key}`);
    for (const { key, value } of chunks) {
      guarded(this.report, 'hash-index', `chunk ${key}`, () => {
        if (baseOf(key) !== next)
          this.report('hash-index', `chunk ${key}`, 'does not begin where the one before it ends');
        const last = lastOf(value);
        next = last + 1;
        const entries = entriesIn(key, value);
        let before = printOf(baseOf(key));
        for (const entry of entries) {
          this.#indexEntry(`chunk ${key}`, entry);
          if (entry.print < before) this.report('hash-index', `chunk ${key}`, 'is not in order');
          before = entry.print;
        }
        if (before > printOf(last))
          this.report('hash-index', `chunk ${key}`, 'has entries that belong to the next chunk');
        this.#sameHashes([...entries, ...takeUpTo(recent, last).map(printed)]);
      });
      yield 0;
    }
    if (next !== 0 && next <= LAST_FINGERPRINT)
      this.report('hash-index', 'chunks', 'the last one is missing');
    guarded(this.report, 'hash-index', 'recent hashes', () => this.#sameHashes(recent.map(printed)));
    for (const id of this.segments.ids()) {
      // A damaged frame is reported already, and a repair cannot index it.
      if (!this.segments.isIndexed(id) && this.segments.fingerprint(id) !== undefined) {
        this.report('hash-index', `segment ${id}`, 'its hash does not lead to it');
      }
      yield 0;
    }
  }

  *referenceCounts(): Generator<number, void, void> {
    const { segments } = this;
    const { refCounts, bigRefCounts, meta } = this.tables;
    const counts = new RefCounts<SegmentId>(refCounts, bigRefCounts, storedFigure(meta, 'nextSegment'));
    for (const id of segments.ids()) {
      guarded(this.report, 'reference-counts', `segment ${id}`, () => {
        const kept = counts.get(id);
        if (kept === segments.references(id)) return;
        const found = kept === undefined ? 'it counts as not stored' : `${kept} references are kept`;
        this.report('reference-counts', `segment ${id}`, `${found}, ${segments.references(id)} were counted`);
      });
      yield 0;
    }
    const chunks = intact(this.tables.refCounts, this.report, 'reference-counts', (key) => `chunk ${key}`);
    for (const { key, value } of chunks) {
      guarded(this.report, 'reference-counts', `chunk ${key}`, () => {
        for (const { number } of countsIn(key, value))
          if (!segments.has(number))
            this.report('reference-counts', `segment ${number}`, 'references are kept, and it is not stored');
      });
      yield 0;
    }
    for (const { key } of this.tables.bigRefCounts.scan()) {
      if (segments.references(key) < 254) {
        this.report('reference-counts', `segment ${key}`, 'a big count is kept, and it has few references');
      }
      yield 0;
    }
  }

  *garbageTable(): Generator<number, void, void> {
    const { segments, garbage } = this;
    const records = intact(this.tables.garbage, this.report, 'garbage', (key) => `segment ${key}`);
    for (const { key, value } of records) {
      const subject = `segment ${key}`;
      guarded(this.report, 'garbage', subject, () => {
        const { frameBytes } = decodeGarbage(value);
        if (!segments.has(key)) this.report('garbage', subject, 'it is garbage and not stored');
        else if (segments.references(key) > 0)
          this.report('garbage', subject, 'it is garbage and referenced');
        else if (segments.frameBytes(key) !== frameBytes) {
          this.report('garbage', subject, `its frame is kept as ${frameBytes} bytes long`);
        }
        garbage.garbageSegments += 1;
        garbage.garbageBytes += frameBytes;
      });
      yield 0;
    }
    for (const id of segments.ids()) {
      if (segments.references(id) === 0 && !this.tables.garbage.unchecked(id)) {
        this.report('garbage', `segment ${id}`, 'it has no reference and is not garbage');
      }
      yield 0;
    }
  }

  /** Returns the recent segments by their fingerprints, the greatest first. */
  #recentHashes(): RecentEntry[] {
    const recent: RecentEntry[] = [];
    const records = intact(
      this.tables.recentHashes,
      this.report,
      'hash-index',
      (key) => `recent hashes ${key}`,
    );
    for (const { key, value } of records) {
      const entries = [...recentEntries(key, value)];
      for (const entry of entries) this.#indexEntry(`recent hashes ${key}`, printed(entry));
      recent.push(...entries);
    }
    return recent.sort((a, b) => b.fingerprint - a.fingerprint);
  }

  #indexEntry(subject: string, { print, id }: IndexEntry): void {
    const { segments } = this;
    const expected = segments.fingerprint(id);
    if (!segments.has(id)) this.report('hash-index', subject, `names segment ${id}, which is not stored`);
    else if (segments.isIndexed(id)) this.report('hash-index', subject, `names segment ${id} once more`);
    else if (expected !== undefined && printOf(expected) !== print) {
      this.report('frame', `segment ${id}`, 'its tokens do not have the hash under which it is indexed');
    }
    segments.setIndexed(id);
  }

  /** Reports segments with the same tokens, which have equal prints. */
  #sameHashes(entries: IndexEntry[]): void {
    entries.sort((a, b) => a.print - b.print || a.id - b.id);
    const reader = new SegmentReader(this.tables, trustsDamagedPacks);
    for (const [at, entry] of entries.entries()) {
      const before = entries[at - 1];
      if (before?.print !== entry.print) continue;
      const [one, other] = [before.id, entry.id].map((id) => this.codec.hashOf(reader.frame(id)));
      if (one === other) {
        this.report('hash-index', `segment ${entry.id}`, `has the same tokens as segment ${before.id}`);
      }
    }
  }
}

/** Removes the entries with fingerprints up to this one from the end of a list, and returns them. */
function takeUpTo(descending: RecentEntry[], fingerprint: number): RecentEntry[] {
  let from = descending.length;
  while (from > 0 && descending[from - 1]!.fingerprint <= fingerprint) from--;
  return descending.splice(from);
}

function printed({ fingerprint, id }: RecentEntry): IndexEntry {
  return { print: printOf(fingerprint), id };
}
