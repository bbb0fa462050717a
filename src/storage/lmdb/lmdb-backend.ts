import type { LiveCodec } from '../../codec/index.js';
import { StowkenError } from '../../model/index.js';
import type { ExclusiveLease, MaintainedBackend, StorageHealth } from '../contract/backend.js';
import type { Change, ChangeResult, FrameReplacement, SegmentKey } from '../contract/change.js';
import type { RepairOptions, RepairReport } from '../contract/checks.js';
import type { FolderLock } from '../shared/folder-lock.js';
import { GroupCommit } from '../shared/group-commit.js';
import { withLeanHeap } from '../shared/background.js';
import { ExclusiveLeases } from '../shared/exclusive-leases.js';
import { Leases } from '../shared/leases.js';
import { checkReplacements } from '../shared/registry-checks.js';
import { defragment, reclaimableBytes } from './defragment/defragment.js';
import type { ChunkKeys } from './segments/chunk-keys.js';
import { isLong } from './segments/id-prefetch.js';
import type { Environment } from './tables/environment.js';
import { LmdbReader } from './lmdb-reader.js';
import { idOf } from './segment-lookups.js';
import { rebuild } from './check/repair.js';
import { isDamage } from './tables/lmdb-errors.js';
import { readCommitSequence } from './tables/meta.js';
import { Writer } from './commit/writer.js';

/** A vault whose environment is open; see openLmdbBackend. */
export class LmdbBackend extends LmdbReader implements MaintainedBackend {
  readonly #writer: Writer;
  readonly #exclusive = new ExclusiveLeases();
  readonly #group: GroupCommit;

  constructor(
    environment: Environment,
    private readonly lock: FolderLock | undefined,
    codec: LiveCodec,
    private readonly clock: () => number,
  ) {
    const leases = new Leases();
    super(environment, codec, () => leases.take(readCommitSequence(environment.tables.meta)));
    this.#writer = new Writer(environment, this.shared, leases, clock);
    this.#group = new GroupCommit((take) => this.#writer.commitGroup(take));
  }

  async commit(change: Change): Promise<ChangeResult> {
    this.assertOpen();
    // Reads the frames that the commit compares with hashes, so that the transaction need not wait for them.
    if (change.collect) await this.#warm(change.collect.keys);
    const hashes = [...(change.addReferences ?? []), ...(change.removeReferences ?? [])].map(
      ({ hash }) => hash,
    );
    if (hashes.length > 0) await this.findSegments(hashes);
    // A damaged registry is refused before anything is written: a vault that has one cannot be opened.
    if (change.putRegistry) this.shared.codec.withRegistry(change.putRegistry.bytes);
    if (change.replaceFrames) await this.#checkReplacements(change.replaceFrames);
    if (!isLong(change)) return this.#group.commit(change);
    return withLeanHeap(async () => this.#group.commit(await this.findAhead(change)));
  }

  async repair({ onPhase, ...options }: RepairOptions = {}): Promise<RepairReport> {
    await onPhase?.('checking');
    const before = await this.check(options);
    if (before.length === 0) return { repaired: [], remaining: [] };
    await onPhase?.('rebuilding');
    await this.#group.between(() => this.#rebuild(options.signal));
    await onPhase?.('checkingAgain');
    const remaining = await this.check(options);
    const still = new Set(remaining.map((violation) => JSON.stringify(violation)));
    return { repaired: before.filter((violation) => !still.has(JSON.stringify(violation))), remaining };
  }

  async reclaimableBytes(signal: AbortSignal): Promise<number> {
    this.assertOpen();
    return reclaimableBytes(this.environment.tables, signal);
  }

  async defragment(signal: AbortSignal): Promise<void> {
    this.assertOpen();
    await defragment(
      this.environment.tables,
      (action) => this.#group.between(() => this.#writer.write(action)),
      signal,
    );
  }

  tryLease(name: string): Promise<ExclusiveLease | undefined> {
    return this.#exclusive.take(name);
  }

  health(): StorageHealth {
    return this.#writer.health();
  }

  /** No other process writes. */
  protected override chunkKeys(): ChunkKeys {
    return this.shared.directory;
  }

  /** All registries were stored by this process. */
  protected override learnRegistries(): void {}

  protected override between<T>(task: () => T): Promise<T> {
    return this.#group.between(task);
  }

  protected override async finish(): Promise<void> {
    await this.#group.close();
    this.#writer.close();
    await this.lock?.release();
  }

  async #rebuild(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw new StowkenError('CANCELLED', 'the repair was cancelled');
    const { codec, directory } = this.shared;
    await this.#writer.write(() => rebuild(this.environment.tables, codec, this.nameOf, this.clock()));
    directory.clear();
  }

  async #checkReplacements(replacements: readonly FrameReplacement[]): Promise<void> {
    const keys = replacements.map(({ key }) => key);
    await this.#warm(keys);
    const { cache, codec } = this.shared;
    const finder = this.finder();
    const hashOf = (key: SegmentKey) =>
      finder.references(idOf(key)) === undefined ? undefined : cache.byId(idOf(key))?.hash;
    checkReplacements(replacements, hashOf, codec);
  }

  async #warm(keys: readonly SegmentKey[]): Promise<void> {
    await this.slices(keys, (finder, key) => {
      try {
        finder.known(idOf(key));
      } catch (error) {
        // Deleted or damaged: the commit leaves it out.
        if (!isDamage(error)) throw error;
      }
    });
  }
}
