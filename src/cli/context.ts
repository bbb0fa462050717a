import type { Logger } from 'pino';
import type { Violation } from '../client/index.js';
import type { VaultStats } from '../model/index.js';
import type { Interruption } from './interruption.js';
import type { Io } from './io.js';
import type { Output } from './output.js';
import type { ServeOptions } from './serve/options.js';

/** A server that runs in this process. */
export interface RunningServer {
  /** HOST:PORT with the real port, or unix:/path. */
  readonly address: string;
  /** Takes no more calls, finishes those under way, flushes; resolves when all is closed. */
  stop(): Promise<void>;
}

/** Starts a server; rejects when it cannot. `logger` writes to standard error. */
export type StartServer = (options: ServeOptions, logger: Logger) => Promise<RunningServer>;

/** A vault that was made of a backup; found whole, unless damage was allowed. */
export interface RestoredVault {
  readonly vaultId: string;
  readonly stats: VaultStats;
  readonly violations: readonly Violation[];
}

/**
 * Makes a vault of a backup in a folder that is empty or not there, and checks all of it; rejects with
 * StowkenError when that cannot be done, and leaves nothing then.
 */
export type RestoreVault = (input: {
  readonly folder: string;
  readonly source: AsyncIterable<Uint8Array>;
  /** Restores a vault that was not whole when it was backed up, too, and says what is wrong with it. */
  readonly allowDamage: boolean;
  /** Called now and then with records checked and records in all. */
  readonly onProgress: (done: number, total: number) => void;
}) => Promise<RestoredVault>;

/** A new vault that was made of what could be read of a damaged one, and what could not. */
export interface SalvagedVault {
  readonly vaultId: string;
  readonly stats: VaultStats;
  /** Nothing is known to be missing. */
  readonly complete: boolean;
  readonly lost: {
    readonly conversations: readonly {
      readonly id: string | undefined;
      readonly number: number;
      readonly what: string;
    }[];
    readonly segments: readonly number[];
    readonly registries: readonly number[];
    readonly pages: readonly {
      readonly page: number | undefined;
      readonly what: string;
      readonly table: string | undefined;
    }[];
    /** Damaged records, by table. */
    readonly records: Readonly<Record<string, number>>;
  };
  /** Found on pages that nothing leads to: whole, but perhaps changed or deleted since. */
  readonly orphaned: {
    readonly conversations: readonly string[];
    readonly records: Readonly<Record<string, number>>;
  };
  readonly violations: readonly Violation[];
}

/** Copies what can be read of the vault in one folder to a new one in another, which is empty or not there. */
export type SalvageVault = (input: {
  readonly from: string;
  readonly to: string;
  readonly signal: AbortSignal;
}) => Promise<SalvagedVault>;

export interface CliDependencies {
  readonly startServer: StartServer;
  readonly restoreVault: RestoreVault;
  readonly salvageVault: SalvageVault;
  readonly version: string;
  readonly io?: Io;
}

/** What every command works with. */
export interface Context {
  readonly startServer: StartServer;
  readonly restoreVault: RestoreVault;
  readonly salvageVault: SalvageVault;
  readonly version: string;
  readonly io: Io;
  /** Standard output. */
  readonly output: Output;
  /** Ctrl-C and the like. */
  readonly interruption: Interruption;
}

/** Wrong usage found after the arguments were parsed: printed without a trace, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A server that cannot start, now or later, as the vault is damaged or newer: exit code 78. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}

/** A command that could not do what it was asked: printed without a trace, exit code 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
