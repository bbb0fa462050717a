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
  /** Address of the port for metrics, if there is one. */
  readonly metricsAddress?: string | undefined;
  /** Address of the page, if there is one. */
  readonly httpAddress?: string | undefined;
  /** Accepts no more calls, finishes those under way, flushes; resolves when everything is closed. */
  stop(): Promise<void>;
}

/** Starts a server; rejects if it cannot. `logger` writes to standard error. */
export type StartServer = (options: ServeOptions, logger: Logger) => Promise<RunningServer>;

/** A vault restored from a backup; without violations, unless damage was allowed. */
export interface RestoredVault {
  readonly vaultId: string;
  readonly stats: VaultStats;
  readonly violations: readonly Violation[];
}

/**
 * Restores a backup to a new vault, whose folder is empty or does not exist, and checks all of it. If
 * that fails, it rejects with StowkenError and leaves nothing.
 */
export type RestoreVault = (input: {
  /** Data folder of a server. */
  readonly data: string;
  /** Name of the new vault in it. */
  readonly vault: string;
  readonly source: AsyncIterable<Uint8Array>;
  /** Restores even a vault that had violations when it was backed up, and reports them. */
  readonly allowDamage: boolean;
  /** Called now and then with the records checked and the records in all. */
  readonly onProgress: (done: number, total: number) => void;
}) => Promise<RestoredVault>;

/** A new vault with the readable content of a damaged one, and a report of the rest. */
export interface SalvagedVault {
  readonly vaultId: string;
  readonly stats: VaultStats;
  /** True if nothing is known to be missing. */
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
  /** Records found on unreachable pages: intact, but perhaps changed or deleted since. */
  readonly orphaned: {
    readonly conversations: readonly string[];
    readonly records: Readonly<Record<string, number>>;
  };
  readonly violations: readonly Violation[];
}

/**
 * Copies the readable content of the vault in one folder to a new vault in another, which is empty or does
 * not exist.
 */
export type SalvageVault = (input: {
  readonly from: string;
  readonly to: string;
  readonly signal: AbortSignal;
}) => Promise<SalvagedVault>;

/**
 * Brings the tables of a database to this version of the program. Resolves to the versions before and after.
 */
export type MigrateStorage = (input: {
  readonly url: string;
  readonly schema?: string;
  readonly partitions?: number;
}) => Promise<{
  readonly schema: string;
  readonly from: number;
  readonly to: number;
  readonly partitions: number;
  readonly isDistributed: boolean;
}>;

/** A vault in a data folder, or in a database. */
export interface VaultPlace {
  readonly storage: 'lmdb' | 'filesystem' | 'postgres';
  /** Data folder, or URL of the database. */
  readonly at: string;
  readonly vault: string;
}

/** Outcome of one pass of a copy. */
export interface CopyPass {
  readonly copied: number;
  readonly unchanged: number;
  readonly deleted: number;
  readonly references: number;
  readonly segments: number;
  readonly frameBytes: number;
  readonly faults: readonly { readonly id: string; readonly detail: string }[];
}

export interface CopiedVault {
  readonly passes: readonly CopyPass[];
  /** Undefined if source and copy were not compared. */
  readonly differences: CopyPass['faults'] | undefined;
  /** False if the source went on changing, or has conversations that cannot be read. */
  readonly isComplete: boolean;
}

/** Copies a vault of any storage to a vault of any other, which is new or a copy of it. */
export type CopyVault = (input: {
  readonly from: VaultPlace;
  readonly to: VaultPlace;
  readonly compares: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (step: {
    readonly phase: 'copying' | 'comparing';
    readonly pass: number;
    readonly done: number;
    readonly total: number;
  }) => void;
}) => Promise<CopiedVault>;

/** Table of a vault, and what is stored of it. */
export interface InspectedTable {
  readonly name: string;
  /** Content of a record, in a few words. */
  readonly what: string;
  readonly records: number;
  readonly bytes: number;
  readonly damaged: number;
}

/** Stored record, and its meaning. */
export interface InspectedRecord {
  readonly table: string;
  readonly key: string;
  readonly raw: Uint8Array;
  /** Undefined if it does not decode. */
  readonly value: unknown;
  readonly damage: string | undefined;
  /** True if it was found on an unreachable page. */
  readonly orphaned: boolean;
}

/** Opens the records of a vault that no server has open. */
export type InspectVault = (folder: string) => Promise<{
  readonly tables: readonly string[];
  summary(): Promise<readonly InspectedTable[]>;
  records(table: string, key?: string): AsyncIterable<InspectedRecord>;
  /** Damage so far that is not in a record. */
  damage(): readonly string[];
  close(): void;
}>;

/** Result of one check of the machine and of the settings of a server. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'problem';
  readonly message: string;
  /** Action that mends it. */
  readonly mend?: string;
}

/** Examines whether a server with these settings can run well here. */
export type Diagnose = (options: ServeOptions) => AsyncIterable<Finding>;

export interface CliDependencies {
  readonly startServer: StartServer;
  readonly restoreVault: RestoreVault;
  readonly salvageVault: SalvageVault;
  readonly migrateStorage: MigrateStorage;
  readonly copyVault: CopyVault;
  readonly inspectVault: InspectVault;
  readonly diagnose: Diagnose;
  readonly version: string;
  readonly io?: Io;
}

/** Environment of every command. */
export interface Context extends CliDependencies {
  readonly io: Io;
  /** Standard output. */
  readonly output: Output;
  /** Handling of Ctrl-C and other signals. */
  readonly interruption: Interruption;
  /** Returns the profile that was named, of the connection to a server. */
  readonly profile: () => string | undefined;
}

/** Error for wrong usage found after the arguments were parsed: printed without a stack, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Error of a server that can never start, because the vault is damaged or newer: exit code 78. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}

/** Error of a command that failed in its task: printed without a stack, exit code 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
