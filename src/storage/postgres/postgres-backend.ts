import type { Conversation, SegmentHash, VaultStats } from '../../model/index.js';
import type { ExclusiveLease, ManagedBackend, StorageHealth } from '../contract/backend.js';
import type { Change, ChangeResult, FoundSegment, KeptTokenizer, SegmentKey } from '../contract/change.js';
import type { CheckOptions, RepairOptions, RepairReport, Violation } from '../contract/checks.js';
import type {
  ConversationPage,
  ConversationSnapshot,
  GarbagePage,
  GarbageQuery,
  ListQuery,
  PrefixFinding,
  PrefixQuery,
  ReadAhead,
  ReferencePage,
  ReferenceQuery,
  ScanQuery,
  SegmentScan,
  StoredRegistry,
} from '../contract/queries.js';
import type { WarmFinding, WarmQuery } from '../contract/warm.js';
import type { Forgotten, ForgetQuery, Overwritten, OverwriteOptions } from '../contract/erasure.js';
import type { UsageQuery } from '../contract/usage.js';
import type { StorageActivity } from '../shared/activity.js';
import { checkVault } from './check/check.js';
import { repairVault } from './check/repair.js';
import { keptTokenizer } from './commit/tokenizers.js';
import { fillChunks, isWorthChunks, onDemand } from './collect/fill-chunks.js';
import { forget, overwriteUnused } from './collect/forget.js';
import { Committer } from './commit/committer.js';
import type { VaultParts } from './commit/parts.js';
import { takeLease } from './leases/exclusive.js';
import { readStats, listGarbage } from './read/figures.js';
import { findPrefix } from './read/find-prefix.js';
import { findCopies, findSegments, foundFrom } from './read/find.js';
import { countReferences, readFrames, readHashes, scanSegments } from './read/frames.js';
import { listConversations } from './read/listing.js';
import { listReferences } from './read/references.js';
import { dropUsage, readUsage } from './read/usage.js';
import { warmPrefixes } from './read/warm-prefixes.js';
import { openSnapshot, readHeadOf } from './read/snapshot.js';

/** A vault in tables of a database that speaks PostgreSQL's protocol. Other servers may write it too. */
export class PostgresBackend implements ManagedBackend {
  readonly kind = 'postgres';
  readonly #committer: Committer;

  constructor(
    private readonly vault: VaultParts,
    private readonly own: { readonly activity: StorageActivity; readonly strict: boolean },
    private readonly end: () => Promise<void>,
  ) {
    this.#committer = new Committer(vault);
  }

  get vaultId(): string {
    return this.vault.vaultId;
  }

  get copiesMax(): number {
    return this.vault.partitions.count;
  }

  get gone(): boolean {
    return this.vault.presence.gone;
  }

  async commit(change: Change): Promise<ChangeResult> {
    const startedMs = performance.now();
    this.own.activity.waitingChanges += 1;
    try {
      const result = await this.#committer.commit(change);
      this.own.activity.commitSeconds.add((performance.now() - startedMs) / 1000);
      this.own.activity.commitChanges.add(1);
      return result;
    } finally {
      this.own.activity.waitingChanges -= 1;
    }
  }

  findSegments(hashes: readonly SegmentHash[]): Promise<(FoundSegment | undefined)[]> {
    return findSegments(this.vault, hashes);
  }

  findCopies(hash: SegmentHash): Promise<SegmentKey[]> {
    return findCopies(this.vault, hash);
  }

  knownSegments(hashes: readonly SegmentHash[]): (FoundSegment | undefined)[] {
    return hashes.map((hash) => foundFrom(this.vault.known.get(hash)));
  }

  readFrames(keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
    return readFrames(this.vault, keys);
  }

  readHashes(keys: readonly SegmentKey[]): Promise<SegmentHash[]> {
    return readHashes(this.vault, keys);
  }

  countReferences(keys: readonly SegmentKey[]): Promise<(number | undefined)[]> {
    return countReferences(this.vault, keys);
  }

  async getConversation(id: string): Promise<Conversation | undefined> {
    return (await readHeadOf(this.vault, id))?.conversation;
  }

  openConversation(id: string, ahead?: ReadAhead): Promise<ConversationSnapshot | undefined> {
    return openSnapshot(this.vault, id, ahead);
  }

  lease({ standing = false } = {}): () => void {
    return this.vault.presence.lease(standing);
  }

  tryLease(name: string): Promise<ExclusiveLease | undefined> {
    return takeLease(this.vault.database, this.vault.partitions.first, name);
  }

  listConversations(query: ListQuery): Promise<ConversationPage> {
    return listConversations(this.vault, query);
  }

  listGarbage(query: GarbageQuery): Promise<GarbagePage> {
    return listGarbage(this.vault, query);
  }

  listReferences(query: ReferenceQuery): Promise<ReferencePage> {
    return listReferences(this.vault, query);
  }

  findPrefix(query: PrefixQuery): Promise<PrefixFinding> {
    return findPrefix(this.vault, query);
  }

  warmPrefixes(query: WarmQuery): Promise<WarmFinding[]> {
    return warmPrefixes(this.vault, query);
  }

  setLabels(labels: readonly string[]): Promise<void> {
    return this.vault.labels.set(labels);
  }

  usage(query: UsageQuery): Promise<void> {
    return readUsage(this.vault, query);
  }

  dropUsage(beforeMs: number, signal: AbortSignal): Promise<number> {
    return dropUsage(this.vault, beforeMs, signal);
  }

  forget(query: ForgetQuery): Promise<Forgotten> {
    return forget(this.vault, query);
  }

  overwriteUnused(options: OverwriteOptions): Promise<Overwritten> {
    return overwriteUnused(this.vault, options);
  }

  /** Puts the index by hash into chunks: the database itself has the rest of what a rewriting would free. */
  async defragment(signal: AbortSignal): Promise<void> {
    for (const p of this.vault.partitions.all)
      if (await isWorthChunks(this.vault, p, onDemand)) await fillChunks(this.vault, p, signal);
  }

  stats(): Promise<VaultStats> {
    return readStats(this.vault);
  }

  /** The transactions of the database keep references and counts: they are not compared before a deletion. */
  async check(options: CheckOptions = {}): Promise<Violation[]> {
    if (options.depth === 'records' && !this.own.strict) return [];
    return checkVault(this.vault, options);
  }

  repair(options: RepairOptions = {}): Promise<RepairReport> {
    return repairVault(this.vault, options);
  }

  listRegistries(): Promise<StoredRegistry[]> {
    return this.vault.registries.list();
  }

  readRegistry(id: number): Promise<Uint8Array | undefined> {
    return this.vault.registries.read(id);
  }

  readTokenizer(name: string): Promise<KeptTokenizer | undefined> {
    const { database } = this.vault;
    return keptTokenizer((statement, values) => database.query(statement, values), this.vault, name);
  }

  scanSegments(query: ScanQuery): Promise<SegmentScan> {
    return scanSegments(this.vault, query);
  }

  /** A database that cannot be reached may be back at any time: changes are tried. */
  health(): StorageHealth {
    return { writable: true };
  }

  async close(): Promise<void> {
    await this.#committer.close();
    await this.end();
  }
}
