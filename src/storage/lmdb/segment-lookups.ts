import { frameRegistryId, type LiveCodec } from '../../codec/index.js';
import type { SegmentHash } from '../../model/index.js';
import type { Change, FoundSegment, SegmentKey, StoredSegment } from '../contract/change.js';
import { withLeanHeap } from '../shared/background.js';
import type { GarbagePage, GarbageQuery, ScanQuery, SegmentScan } from '../contract/queries.js';
import { closed, segmentNotFound } from '../shared/refusals.js';
import type { Shared } from './commit/write-session.js';
import { OldestRequest } from './conversations/requests.js';
import { StringTable } from './conversations/string-table.js';
import { NegativeLookupCache, SegmentCache } from './segments/segment-caches.js';
import { type ChunkKeys, IndexDirectory, StoredChunkKeys } from './segments/chunk-keys.js';
import { isLong, withResolvedIds } from './segments/id-prefetch.js';
import { readGarbage, unreferencedFrom } from './segments/ref-counts.js';
import { RecentHashes } from './segments/recent-hashes.js';
import { Registries } from './segments/registries.js';
import { scanSegments, SegmentFinder } from './segments/segment-finder.js';
import type { Environment } from './tables/environment.js';
import { undefinedIfCorrupt } from './tables/lmdb-errors.js';
import { storedFigure } from './tables/meta.js';

/** Segments that are looked up before other work gets its turn. */
const SLICE = 256;

/**
 * Looks segments up in an open vault, which this process writes or another one, and loads the registries that
 * they need.
 */
export abstract class SegmentLookups {
  protected readonly shared: Shared;
  #open = true;

  constructor(
    protected readonly environment: Environment,
    codec: LiveCodec,
    sharers: number,
  ) {
    const { tables } = environment;
    this.shared = {
      tables,
      codec,
      cache: new SegmentCache(sharers),
      absences: new NegativeLookupCache(),
      directory: new IndexDirectory(tables),
      recent: new RecentHashes(tables.recentHashes, storedFigure(tables.meta, 'nextSegment')),
      names: new StringTable(tables.strings),
      oldestRequest: new OldestRequest(),
    };
    this.setRegistries(new Registries(tables).list().map(({ id }) => id));
  }

  /** Looks up the segments that a change names, so that its transaction need not do so. */
  async findAhead(change: Change): Promise<Change> {
    const find = (hashes: readonly SegmentHash[]) => this.slices(hashes, (finder, hash) => finder.find(hash));
    const look = () => withResolvedIds(change, find);
    return isLong(change) ? withLeanHeap(look) : look();
  }

  /** Decodes with these stored registries only, and encodes with the last one. */
  setRegistries(ids: readonly number[]): void {
    const { codec, tables } = this.shared;
    const known = codec.registries.map(({ id }) => id);
    const registries = new Registries(tables);
    for (const id of ids) if (!known.includes(id)) codec.add(registries.read(id) ?? new Uint8Array(0));
    codec.remove(known.filter((id) => !ids.includes(id)));
  }

  async findSegments(hashes: readonly SegmentHash[]): Promise<(FoundSegment | undefined)[]> {
    return this.slices(hashes, (finder, hash) => {
      const known = finder.find(hash);
      return known && { key: known.id as SegmentKey, tokenCount: known.tokenCount };
    });
  }

  async readFrames(keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
    // In the order of their ids: those in one pack are read together.
    const order = [...keys.keys()].sort((a, b) => idOf(keys[a]!) - idOf(keys[b]!));
    const read = await this.slices(order, ({ reader }, at) => reader.frame(idOf(keys[at]!)));
    const frames = new Array<Uint8Array>(keys.length);
    for (const [index, at] of order.entries()) frames[at] = read[index]!;
    // If a frame was replaced while the others were read, and its registry has been dropped since, it is read
    // again.
    const { registries } = this.shared.codec;
    const known = new Set<number | undefined>([undefined, ...registries.map(({ id }) => id)]);
    const stale = [...frames.keys()].filter((at) => !known.has(frameRegistryId(frames[at]!)));
    const { reader } = this.finder();
    for (const at of stale) frames[at] = reader.frame(idOf(keys[at]!));
    return frames;
  }

  async readHashes(keys: readonly SegmentKey[]): Promise<SegmentHash[]> {
    return this.slices(keys, (finder, key) => finder.known(idOf(key)).hash);
  }

  async countReferences(keys: readonly SegmentKey[]): Promise<(number | undefined)[]> {
    return this.slices(keys, (finder, key) => finder.references(idOf(key)));
  }

  async listGarbage({ limit, garbageBeforeMs, after }: GarbageQuery): Promise<GarbagePage> {
    this.assertOpen();
    const { tables } = this.environment;
    const { reader } = this.finder();
    const segments: StoredSegment[] = [];
    for (const key of unreferencedFrom(tables, Number(after ?? 0) + 1)) {
      const { sinceMs, frameBytes } = readGarbage(tables.garbage, key);
      if (sinceMs > garbageBeforeMs) continue;
      if (segments.length === limit) return { segments, next: segments.at(-1)?.key };
      // A damaged frame is listed too: the caller gets the damage when it asks for the hash.
      const size = undefinedIfCorrupt(() => reader.size(key)) ?? { tokenCount: 0, frameBytes };
      segments.push({ key: key as SegmentKey, ...size });
    }
    return { segments, next: undefined };
  }

  async scanSegments(query: ScanQuery): Promise<SegmentScan> {
    this.assertOpen();
    return scanSegments(this.environment.tables, this.finder().reader, query);
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.finish();
    await this.environment.close();
  }

  /** Finishes work that remains when there are no more calls. */
  protected async finish(): Promise<void> {}

  protected assertOpen(): void {
    if (!this.#open) throw closed();
  }

  /** Looks items up in slices, each of which sees one state. */
  protected async slices<T, R>(
    items: readonly T[],
    look: (finder: SegmentFinder, item: T) => R,
  ): Promise<R[]> {
    this.assertOpen();
    const results: R[] = [];
    for (let at = 0; at < items.length; at += SLICE) {
      if (at > 0) await new Promise(setImmediate);
      this.assertOpen();
      const finder = this.finder();
      for (const item of items.slice(at, at + SLICE)) results.push(look(finder, item));
    }
    return results;
  }

  /**
   * If another process writes, frames may be stored before this one is notified of the registry that they
   * need.
   */
  protected learnRegistries(): void {
    const { codec, tables } = this.shared;
    const registries = new Registries(tables);
    if (registries.lastId() <= (codec.registries.at(-1)?.id ?? 0)) return;
    this.setRegistries(registries.list().map(({ id }) => id));
  }

  protected chunkKeys(): ChunkKeys {
    return new StoredChunkKeys(this.environment.tables.hashIndex);
  }

  protected finder(): SegmentFinder {
    const { tables, codec, cache, absences, recent } = this.shared;
    this.learnRegistries();
    return new SegmentFinder(tables, this.chunkKeys(), cache, absences, recent, codec);
  }
}

export function idOf(key: SegmentKey): number {
  if (typeof key !== 'number') throw segmentNotFound(key);
  return key;
}
