import type { Applicant, IntakeSettings } from '../rpc/index.js';
import type { ChangeResult, MaintainedBackend, StorageHealth } from '../storage/index.js';
import type { CompactInput, CompactPart, VerifyPart } from '../vault/index.js';
import type { ListPiece, SentChange } from './message-list-transfer.js';

/** What the process that keeps the vault does for its workers: all that writes. */
export interface PrimaryHandlers {
  readonly calls: {
    /** A worker's first call. From then on it hears what it is told. */
    readonly register: (argument: undefined) => WorkerOptions;
    /** The worker serves, or says why it cannot. */
    readonly started: (outcome: Refusal | undefined) => void;
    /** The worker has a connection that it was sent; and how many it has open now. */
    readonly took: (taken: { readonly connection: number; readonly connections: number }) => void;
    /** Of a list of messages, before the change that has it. */
    readonly sendPiece: (piece: ListPiece) => void;
    readonly commit: (change: SentChange) => Promise<ChangeResult>;
    /** A lease on the current state; its number. */
    readonly takeLease: (argument: undefined) => number;
    readonly releaseLease: (lease: number) => void;
  };
  readonly streams: {
    readonly compact: (input: CompactInput, signal: AbortSignal) => AsyncIterable<CompactPart>;
    /** Yields once, when a costly call of a worker may begin; the call's slot is held until the stream is cancelled. */
    readonly slot: (applicant: Applicant, signal: AbortSignal) => AsyncIterable<'granted'>;
    /** With repair: without it a worker needs nobody. */
    readonly verify: (input: { readonly repair: boolean }, signal: AbortSignal) => AsyncIterable<VerifyPart>;
  };
}

/** What a worker does when it is told to. */
export interface WorkerHandlers {
  readonly calls: {
    /** The registries that are stored, whenever they change. */
    readonly setRegistries: (ids: readonly number[]) => void;
    readonly setHealth: (health: StorageHealth) => void;
    /** Lets go of leases that no reader needs any more. */
    readonly renewLease: (argument: undefined) => Promise<void>;
    /** Returns how many connections are open; shows that the worker is alive. */
    readonly countConnections: (argument: undefined) => number;
    /** Finishes the calls under way; then the process may end. */
    readonly drain: (graceMs: number) => Promise<void>;
  };
  readonly streams: Readonly<Record<never, never>>;
}

/** Why a worker cannot serve. */
export interface Refusal {
  readonly refusal: string;
}

/** What a worker needs to know to serve; a structured clone crosses. */
export interface WorkerOptions {
  readonly dataDir: string;
  readonly logLevel: string;
  readonly version: string;
  readonly prefixIndex: boolean;
  /** As many share the memory for segments that were looked up lately. */
  readonly workers: number;
  readonly health: StorageHealth;
  /** What this one of the workers may take. */
  readonly intake: IntakeSettings;
}

/** What reads only. */
export type Reads = Omit<
  MaintainedBackend,
  'kind' | 'vaultId' | 'commit' | 'repair' | 'reclaimableBytes' | 'defragment' | 'health' | 'lease' | 'close'
>;

/** Every reading call, passed on to what `to` gives at that moment. */
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
