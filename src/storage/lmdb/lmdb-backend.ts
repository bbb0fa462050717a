import type { LiveCodec } from '../../codec/index.js';
import { StowkenError } from '../../model/index.js';
import type { MaintainedBackend } from '../contract/backend.js';
import { StorageActivity } from '../shared/activity.js';
import { ExclusiveLeases } from '../shared/exclusive-leases.js';
import type { FolderLock } from '../shared/folder-lock.js';
import { GroupCommit } from '../shared/group-commit.js';
import { Leases } from '../shared/leases.js';
import { BoardKeeper } from './board/board-keeper.js';
import type { BoardLimits } from './board/choice.js';
import { packableBytes, packCold, type Write } from './cold/pack-cold.js';
import { checkPart } from './check/check-part.js';
import { rebuild } from './check/repair.js';
import { prepareAndCommit } from './commit/prepare-change.js';
import { Writer } from './commit/writer.js';
import { defragment, reclaimableBytes } from './defragment/defragment.js';
import type { Rewrite } from './defragment/defragment-hashes.js';
import { forget } from './space/forget.js';
import { SpaceGiver } from './space/give-back.js';
import { overwriteUnused } from './space/overwrite.js';
import { dropUsage } from './lists/usage-drop.js';
import { uncountedUsage } from './lists/usage-rebuild.js';
import { ListBuilder } from './lists/list-builder.js';
import { OpenVault } from './open-vault.js';
import { segmentQueries } from './segment-queries.js';
import type { Environment } from './tables/environment.js';
import { readCommitSequence } from './tables/meta.js';
import { vaultQueries } from './vault-queries.js';

/** Conversations that a compaction packs: the time since their last change, and how many are worth a pack. */
const packed = { coldAfterMs: 10_000, fewest: 32 };

/** Creates the backend of a vault whose environment is open, in the process that owns it. */
export function createLmdbBackend(
  environment: Environment,
  lock: FolderLock | undefined,
  codec: LiveCodec,
  clock: () => number,
  {
    strict,
    unindexedMax,
    packing: { coldAfterMs, fewest } = packed,
    boardLimits,
  }: {
    readonly strict: boolean;
    readonly unindexedMax?: number | undefined;
    readonly packing?: typeof packed | undefined;
    readonly boardLimits?: BoardLimits | undefined;
  },
  activity = new StorageActivity(),
): MaintainedBackend {
  const { tables } = environment;
  const vault = new OpenVault(environment, codec, { isOwner: true, sharers: 1, board: boardLimits });
  const leases = new Leases(activity.readers);
  const exclusive = new ExclusiveLeases();
  const writer = new Writer(environment, vault.shared, leases, clock, strict);
  const group = new GroupCommit((take) => writer.commitGroup(take), activity);
  const lease = (options?: { readonly standing: boolean }) =>
    leases.take(readCommitSequence(tables.meta), options);
  const coldNow = () => ({ coldBeforeMs: clock() - coldAfterMs, fewest, purges: false });
  const lists = new ListBuilder(vault, (task) => group.between(() => writer.write(task)), unindexedMax);
  const board = new BoardKeeper(vault, (task) => group.between(() => writer.write(task)), unindexedMax);
  const queries = vaultQueries(vault, lease, (task) => group.between(task));

  const between = <T>(task: () => T | Promise<T>) => group.between(task);
  const advance = () => between(() => writer.advance());
  const giver = new SpaceGiver(environment, { between, advance });

  async function rebuildRecords(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw new StowkenError('CANCELLED', 'the repair was cancelled');
    await writer.write(() => rebuild(tables, codec, vault.nameOf, clock()));
    // Rebuilt records, which no session follows.
    vault.shared.directory.clear();
    vault.shared.usageGroups.clear();
    board.look();
    vault.shared.oldestFreed.sequence = undefined;
  }

  lists.notice();
  board.notice();
  return {
    kind: 'lmdb',
    vaultId: vault.vaultId,
    ...segmentQueries(vault),
    ...queries,
    lease,
    tryLease: (name) => exclusive.take(name),
    health: () => writer.health(),
    checkPart: async (query) => checkPart(vault, query),

    async commit(change) {
      const result = await prepareAndCommit(vault, change, (prepared) => group.commit(prepared));
      lists.notice();
      board.notice(change);
      return result;
    },

    async sharedSegments(query) {
      const found = await queries.sharedSegments(query);
      if (!found) board.look();
      return found;
    },

    async setLabels(labels) {
      vault.assertOpen();
      await lists.setLabels(labels);
    },

    async repair({ onPhase, ...options } = {}) {
      await onPhase?.('checking');
      const before = [...(await queries.check(options)), ...uncountedUsage(tables.meta)];
      if (before.length === 0) return { repaired: [], remaining: [] };
      await onPhase?.('rebuilding');
      await group.between(() => rebuildRecords(options.signal));
      lists.notice();
      await onPhase?.('checkingAgain');
      const remaining = await queries.check(options);
      const still = new Set(remaining.map((violation) => JSON.stringify(violation)));
      return { repaired: before.filter((violation) => !still.has(JSON.stringify(violation))), remaining };
    },

    async reclaimableBytes(signal) {
      vault.assertOpen();
      const bytes = await packableBytes(tables, vault.nameOf, coldNow(), signal);
      return bytes + (await reclaimableBytes(tables, signal));
    },

    async defragment(signal) {
      vault.assertOpen();
      const write: Write = (action) => group.between(() => writer.write(action));
      await packCold(tables, vault.nameOf, write, coldNow(), signal);
      const rewrite: Rewrite = (action) =>
        group.between(() => writer.rewrite(({ segments }) => action(segments)));
      await defragment(tables, write, rewrite, vault.shared.names, signal);
    },

    async dropUsage(beforeMs, signal) {
      vault.assertOpen();
      return dropUsage(tables, (task) => between(() => writer.write(task)), beforeMs, signal);
    },

    async forget(query) {
      vault.assertOpen();
      return forget(vault.shared, (task) => group.between(() => writer.write(task)), query);
    },

    async overwriteUnused(options) {
      vault.assertOpen();
      return overwriteUnused(environment, { between, advance }, options);
    },

    async space() {
      vault.assertOpen();
      return giver.space();
    },

    async giveBack(options) {
      vault.assertOpen();
      return giver.giveBack(options);
    },

    close: () =>
      vault.close(async () => {
        await lists.stop();
        await board.stop();
        await group.close();
        writer.close();
        await lock?.release();
      }),
  };
}
