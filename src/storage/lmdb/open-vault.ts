import type { LiveCodec } from '../../codec/index.js';
import { closed } from '../shared/refusals.js';
import { BoardMemory } from './board/board-changes.js';
import type { BoardLimits } from './board/choice.js';
import type { StringCode } from './tables/ids.js';
import type { Shared } from './commit/write-session.js';
import { OldestFreed } from './conversations/message-blocks.js';
import { OldestRequest } from './conversations/requests.js';
import { UsageGroups } from './lists/usage.js';
import { StringTable } from './conversations/string-table.js';
import { type ChunkKeys, IndexDirectory, StoredChunkKeys } from './segments/chunk-keys.js';
import { RecentHashes } from './segments/recent-hashes.js';
import { Registries } from './segments/registries.js';
import { NegativeLookupCache, SegmentCache } from './segments/segment-caches.js';
import { SegmentFinder } from './segments/segment-finder.js';
import type { Environment, Tables } from './tables/environment.js';
import { existingIdentity, storedFigure } from './tables/meta.js';

/** Items that are looked up before other work gets its turn. */
const SLICE = 256;

/** An open vault: its environment, and what this process remembers of it. Queries and writes share it. */
export class OpenVault {
  readonly vaultId: string;
  readonly shared: Shared;
  readonly #isOwner: boolean;
  #open = true;

  /**
   * `isOwner` is true if no other process writes the vault; `sharers` is the number of processes that share
   * the memory for segment lookups. @throws StowkenError CORRUPT_STORE
   */
  constructor(
    readonly environment: Environment,
    codec: LiveCodec,
    {
      isOwner,
      sharers,
      board,
    }: { readonly isOwner: boolean; readonly sharers: number; readonly board?: BoardLimits | undefined },
  ) {
    const { tables } = environment;
    this.#isOwner = isOwner;
    this.shared = {
      tables,
      codec,
      cache: new SegmentCache(sharers),
      absences: new NegativeLookupCache(),
      directory: new IndexDirectory(tables),
      recent: new RecentHashes(tables.recentHashes, storedFigure(tables.meta, 'nextSegment')),
      names: new StringTable(tables.strings),
      oldestRequest: new OldestRequest(),
      oldestFreed: new OldestFreed(),
      usageGroups: new UsageGroups(),
      board: new BoardMemory(board),
    };
    this.setRegistries(new Registries(tables).list().map(({ id }) => id));
    this.vaultId = existingIdentity(tables.meta);
  }

  get tables(): Tables {
    return this.environment.tables;
  }

  readonly nameOf = (code: StringCode): string => this.shared.names.stringOf(code);

  assertOpen(): void {
    if (!this.#open) throw closed();
  }

  /** Refuses further calls, finishes the work that is left, and closes the environment. */
  async close(finish?: () => Promise<void>): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await finish?.();
    await this.environment.close();
  }

  /** Decodes with these stored registries only, and encodes with the last one. */
  setRegistries(ids: readonly number[]): void {
    const { codec, tables } = this.shared;
    const known = codec.registries.map(({ id }) => id);
    const registries = new Registries(tables);
    for (const id of ids) if (!known.includes(id)) codec.add(registries.read(id) ?? new Uint8Array(0));
    codec.remove(known.filter((id) => !ids.includes(id)));
  }

  /**
   * Loads new registries, if another process writes: it may store frames before this one is notified of the
   * registry that they need.
   */
  learnRegistries(): void {
    if (this.#isOwner) return;
    const { codec, tables } = this.shared;
    const registries = new Registries(tables);
    if (registries.lastId() <= (codec.registries.at(-1)?.id ?? 0)) return;
    this.setRegistries(registries.list().map(({ id }) => id));
  }

  finder(): SegmentFinder {
    const { tables, codec, cache, absences, recent } = this.shared;
    this.learnRegistries();
    return new SegmentFinder(tables, this.#chunkKeys(), cache, absences, recent, codec);
  }

  /** Looks items up in slices, each of which sees one state. */
  async slices<T, R>(items: readonly T[], look: (finder: SegmentFinder, item: T) => R): Promise<R[]> {
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

  /** The directory in memory follows the commits of this process alone. */
  #chunkKeys(): ChunkKeys {
    return this.#isOwner ? this.shared.directory : new StoredChunkKeys(this.tables.hashIndex);
  }
}
