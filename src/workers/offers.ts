import type { ChangeResult, StorageHealth } from '../storage/index.js';
import type { CompactInput, CompactPart, VerifyPart } from '../vault/index.js';
import type { ListPiece, SentChange } from './lists-ahead.js';

/** What the process that keeps the vault does for its workers: all that writes. */
export interface PrimaryOffer {
  readonly calls: {
    /** A worker's first call. */
    readonly enlist: (argument: undefined) => WorkerOptions;
    /** A worker serves at this address, or why it cannot. */
    readonly started: (outcome: WorkerStart) => void;
    /** Of a list of messages, before the change that has it. */
    readonly sendPiece: (piece: ListPiece) => void;
    readonly commit: (change: SentChange) => Promise<ChangeResult>;
    /** A lease on the current state; its number. */
    readonly takeLease: (argument: undefined) => number;
    readonly releaseLease: (lease: number) => void;
  };
  readonly streams: {
    readonly compact: (input: CompactInput, signal: AbortSignal) => AsyncIterable<CompactPart>;
    /** With repair: without it a worker needs nobody. */
    readonly verify: (input: { readonly repair: boolean }, signal: AbortSignal) => AsyncIterable<VerifyPart>;
  };
}

/** What a worker does when it is told to. */
export interface WorkerOffer {
  readonly calls: {
    /** The registries that are stored, whenever they change. */
    readonly setRegistries: (ids: readonly number[]) => void;
    readonly setHealth: (health: StorageHealth) => void;
    /** Lets go of leases that no reader needs any more. */
    readonly renewLease: (argument: undefined) => Promise<void>;
    /** Finishes the calls under way; then the process may end. */
    readonly drain: (graceMs: number) => Promise<void>;
  };
  readonly streams: Readonly<Record<never, never>>;
}

export type WorkerStart = { readonly address: string } | { readonly refusal: string };

/** What a worker needs to know to serve; a structured clone crosses. */
export interface WorkerOptions {
  readonly dataDir: string;
  readonly listen: string;
  readonly logLevel: string;
  readonly version: string;
  readonly prefixIndex: boolean;
  /** As many share the memory for segments that were looked up lately. */
  readonly workers: number;
  readonly health: StorageHealth;
}
