import { countAbove, countExpired } from '../vault/index.js';
import type { OpenVaults } from './open-vaults.js';
import type { StoredVault } from './stored-vault.js';
import type { DiskSpace } from '../storage/index.js';
import type { SpaceKeeper } from './space-keeper.js';
import type { Sweeper } from './sweeper.js';

/** Conversations of a vault that are to be deleted and still stored, and the work on them. */
export interface RetentionState {
  /** Conversations that have expired and are still stored; at least so many if it is a lower bound. */
  readonly expired: number;
  readonly isLowerBound: boolean;
  /** True if the vault is above a limit of its conversations or their bytes. */
  readonly isAboveLimit: boolean;
  /** Time between two sweeps; 0: the server does not sweep. */
  readonly sweepIntervalMs: number;
  readonly isSweeping: boolean;
  /** Time at which the last sweep came to its end; undefined without one since the start. */
  readonly lastSweepMs: number | undefined;
  /** Conversations that sweeps have deleted since the start. */
  readonly swept: number;
  /** Space of the data file, with what was given back since the start; undefined without such a file. */
  readonly space:
    (DiskSpace & { readonly givenBackBytes: number; readonly isGivingBack: boolean }) | undefined;
}

const notGiven = 'the server was started with --give-back-interval 0, or only reads';

/** Looks at what is left. @throws StowkenError VAULT_NOT_FOUND and others of opening it */
export async function retentionOf(
  vaults: Pick<OpenVaults<StoredVault>, 'use'>,
  name: string,
  {
    sweeper,
    keeper,
    intervalMs,
  }: {
    readonly sweeper: Sweeper | undefined;
    readonly keeper: SpaceKeeper | undefined;
    readonly intervalMs: number;
  },
  clock: () => number,
): Promise<RetentionState> {
  const use = await vaults.use(name);
  try {
    const { backend, lifetimes, sweepRules } = use.runtime;
    const { conversations, exact } = await countExpired(backend, { nowMs: clock(), lifetimes }, use.signal);
    const figures = sweeper?.figures.all.get(name);
    const space = await backend.space?.();
    const { givenBackBytes = 0, running: isGivingBack = false } = keeper?.figures.all.get(name) ?? {};
    const off = keeper === undefined ? { unsupported: space?.unsupported ?? notGiven } : {};
    return {
      expired: conversations,
      isLowerBound: !exact,
      isAboveLimit: (await countAbove(backend, sweepRules)) > 0,
      sweepIntervalMs: sweeper === undefined ? 0 : intervalMs,
      isSweeping: figures?.running ?? false,
      lastSweepMs: figures?.lastMs,
      swept: figures?.swept ?? 0,
      space: space && { ...space, ...off, givenBackBytes, isGivingBack },
    };
  } finally {
    use.end();
  }
}
