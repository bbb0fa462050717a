import type { AccessOptions, TlsOptions } from '../identity/index.js';
import type { Applicant, IntakeSettings } from '../rpc/index.js';
import type { ChangeResult, MaintainedBackend, StorageHealth } from '../storage/index.js';
import type { CompactInput, CompactPart, VerifyPart } from '../vault/index.js';
import type { ListPiece, SentChange } from './message-list-transfer.js';

/** Methods of the process that owns the vault, for its workers: everything that writes. */
export interface PrimaryHandlers {
  readonly calls: {
    /** The first call of a worker. Afterwards it receives messages. */
    readonly register: (argument: undefined) => WorkerOptions;
    /** Reports that the worker serves, or why it cannot. */
    readonly started: (outcome: Refusal | undefined) => void;
    /** Reports that a connection sent to the worker has arrived, and how many it has open now. */
    readonly took: (taken: { readonly connection: number; readonly connections: number }) => void;
    /** Sends a piece of a list of messages, before the change that has the list. */
    readonly sendPiece: (piece: ListPiece) => void;
    readonly commit: (change: SentChange) => Promise<ChangeResult>;
    /** Takes a lease on the current state. Returns its number. */
    readonly takeLease: (argument: undefined) => number;
    readonly releaseLease: (lease: number) => void;
  };
  readonly streams: {
    readonly compact: (input: CompactInput, signal: AbortSignal) => AsyncIterable<CompactPart>;
    /**
     * Yields once, when a costly call of a worker may start; the call's slot is held until the stream is
     * cancelled.
     */
    readonly slot: (applicant: Applicant, signal: AbortSignal) => AsyncIterable<'granted'>;
    /** Used with repair; without it, a worker verifies by itself. */
    readonly verify: (input: { readonly repair: boolean }, signal: AbortSignal) => AsyncIterable<VerifyPart>;
  };
}

/** Methods of a worker, for the primary. */
export interface WorkerHandlers {
  readonly calls: {
    /** Announces the stored registries, whenever they change. */
    readonly setRegistries: (ids: readonly number[]) => void;
    readonly setHealth: (health: StorageHealth) => void;
    /** Releases leases that no reader needs any more. */
    readonly renewLease: (argument: undefined) => Promise<void>;
    /** Returns how many connections are open; shows that the worker is alive. */
    readonly countConnections: (argument: undefined) => number;
    /** Finishes the calls under way; then the process may end. */
    readonly drain: (graceMs: number) => Promise<void>;
  };
  readonly streams: Readonly<Record<never, never>>;
}

/** Reason why a worker cannot serve. */
export interface Refusal {
  readonly refusal: string;
}

/** Settings of a worker; a structured clone crosses. */
export interface WorkerOptions {
  readonly dataDir: string;
  readonly logLevel: string;
  readonly version: string;
  readonly prefixIndex: boolean;
  /** Number of workers that share the memory for segment lookups. */
  readonly workers: number;
  readonly health: StorageHealth;
  /** Intake limits of this worker. */
  readonly intake: IntakeSettings;
  /** Connections are sent as they were accepted: the worker speaks TLS, and asks who calls. */
  readonly tls: TlsOptions | undefined;
  readonly access: AccessOptions;
}

/** Methods that only read. */
export type Reads = Omit<
  MaintainedBackend,
  | 'kind'
  | 'vaultId'
  | 'commit'
  | 'repair'
  | 'reclaimableBytes'
  | 'defragment'
  | 'health'
  | 'lease'
  | 'tryLease'
  | 'knownSegments'
  | 'close'
>;

/** Forwards every reading call to the backend that `to` returns at that moment. */
export function forwardReads(to: () => Reads): Reads {
  return {
    findSegments: (hashes) => to().findSegments(hashes),
    readFrames: (keys) => to().readFrames(keys),
    readHashes: (keys) => to().readHashes(keys),
    countReferences: (keys) => to().countReferences(keys),
    getConversation: (id) => to().getConversation(id),
    openConversation: (id) => to().openConversation(id),
    findPrefix: (query) => to().findPrefix(query),
    listConversations: (query) => to().listConversations(query),
    listGarbage: (query) => to().listGarbage(query),
    stats: () => to().stats(),
    check: (options) => to().check(options),
    listRegistries: () => to().listRegistries(),
    readRegistry: (id) => to().readRegistry(id),
    scanSegments: (query) => to().scanSegments(query),
    backup: (signal) => to().backup(signal),
  };
}
