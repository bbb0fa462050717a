import type { Lifetimes } from '../model/index.js';
import type { AuditEvent, AuditPage, AuditQuery } from '../audit/index.js';
import type { AccessOptions, TlsOptions } from '../identity/index.js';
import type { Measured } from '../metrics/index.js';
import type { PageOptions } from '../page/index.js';
import type { Applicant, IntakeSettings, StartedLimits } from '../rpc/index.js';
import type { ChangeResult, MaintainedBackend } from '../storage/index.js';
import type { GivenTokenizer } from '../text/index.js';
import type {
  CompactInput,
  CompactPart,
  EraseInput,
  ErasePart,
  VerifyPart,
  WorkName,
} from '../vault/index.js';
import type {
  RetentionState,
  SettingDefaults,
  SettingName,
  VaultDescription,
  VaultPage,
  VaultSettings,
  VaultsHealth,
} from '../vaults/index.js';
import type { ListPiece, SentChange } from './message-list-transfer.js';

/** Methods of the process that owns the vaults, for its workers: everything that writes. */
export interface PrimaryHandlers {
  readonly calls: {
    /** The first call of a worker. Afterwards it receives messages. */
    readonly register: (argument: undefined) => WorkerOptions;
    /** Reports that the worker serves, or why it cannot. */
    readonly started: (outcome: Refusal | undefined) => void;
    /** Reports that a connection sent to the worker has arrived, and how many it has open now. */
    readonly took: (taken: { readonly connection: number; readonly connections: number }) => void;
    /** Opens a vault for the worker, which closes it when it does not need it any more. */
    readonly openVault: (name: string) => Promise<OpenedVault>;
    readonly closeVault: (name: string) => void;
    readonly createVault: (given: VaultToCreate) => Promise<VaultDescription>;
    readonly getVault: (name: string) => Promise<VaultDescription>;
    readonly getRetention: (name: string) => Promise<RetentionState>;
    readonly updateVault: (given: VaultToUpdate) => Promise<VaultDescription>;
    readonly listVaults: (given: { readonly after: string; readonly limit: number }) => Promise<VaultPage>;
    readonly deleteVault: (given: { readonly name: string; readonly confirmed: string }) => Promise<void>;
    /** Sends a piece of a list of messages, before the change that has the list. */
    readonly sendPiece: (piece: ListPiece) => void;
    readonly commit: (given: {
      readonly vault: string;
      readonly change: SentChange;
    }) => Promise<ChangeResult>;
    /** Takes a lease on the current state of a vault. Returns its number. */
    readonly takeLease: (vault: string) => number;
    readonly releaseLease: (lease: number) => void;
    readonly recordAudit: (event: AuditEvent) => void;
    readonly listAudit: (query: AuditQuery) => Promise<AuditPage>;
  };
  readonly streams: {
    readonly compact: (
      given: { readonly vault: string; readonly input: CompactInput },
      signal: AbortSignal,
    ) => AsyncIterable<CompactPart>;
    readonly erase: (
      given: { readonly vault: string; readonly input: EraseInput },
      signal: AbortSignal,
    ) => AsyncIterable<ErasePart>;
    /**
     * Yields once, when a costly call of a worker may start; the call's slot is held until the stream is
     * cancelled.
     */
    readonly slot: (applicant: Applicant, signal: AbortSignal) => AsyncIterable<'granted'>;
    /** Marks work of a worker as under way, until the stream is cancelled. */
    readonly work: (
      given: { readonly vault: string; readonly task: WorkName },
      signal: AbortSignal,
    ) => AsyncIterable<'begun'>;
    /** Used with repair; without it, a worker verifies by itself. */
    readonly verify: (
      given: { readonly vault: string; readonly input: { readonly repair: boolean } },
      signal: AbortSignal,
    ) => AsyncIterable<VerifyPart>;
  };
}

/** Methods of a worker, for the primary. */
export interface WorkerHandlers {
  readonly calls: {
    /** Announces the stored registries of a vault, whenever they change. */
    readonly setRegistries: (given: { readonly vault: string; readonly ids: readonly number[] }) => void;
    readonly applySettings: (given: NewSettings) => Promise<void>;
    readonly setHealth: (health: VaultsHealth) => void;
    /** Releases leases on a vault that no reader needs any more. */
    readonly renewLease: (vault: string) => Promise<void>;
    /** Ends all uses of a vault, which is being deleted. Resolves when it is closed. */
    readonly dropVault: (name: string) => Promise<void>;
    /** Returns how many connections are open; shows that the worker is alive. */
    readonly countConnections: (argument: undefined) => number;
    /** Returns the metrics of the worker; none if it was started without them. */
    readonly collectMetrics: (argument: undefined) => Promise<readonly Measured[]>;
    /** Finishes the calls under way; then the process may end. */
    readonly drain: (graceMs: number) => Promise<void>;
  };
  readonly streams: Readonly<Record<never, never>>;
}

/** Reason why a worker cannot serve. */
export interface Refusal {
  readonly refusal: string;
}

/** Settings of a vault that its calls need. */
export interface CallSettings {
  readonly prefixIndex: boolean;
  readonly lifetimes: Lifetimes | undefined;
}

/** Settings of a vault that were changed. */
export interface NewSettings {
  readonly vault: string;
  readonly settings: CallSettings;
  /** All of its own, for a worker that stores by itself. */
  readonly own: VaultSettings;
}

/** A vault that was opened for a worker. */
export interface OpenedVault {
  /** Undefined for a vault in a database. */
  readonly folder: string | undefined;
  readonly settings: CallSettings;
  /** Label of its metrics. */
  readonly label: string;
}

export interface VaultToCreate {
  readonly name: string;
  readonly settings: VaultSettings;
}

export interface VaultToUpdate extends VaultToCreate {
  readonly reset: readonly SettingName[];
}

/** Settings of a worker; a structured clone crosses. */
export interface WorkerOptions {
  readonly logLevel: string;
  readonly version: string;
  /** Limit of the vaults that a worker has open at once. */
  readonly openVaultsMax: number;
  /** Number of workers that share the memory for segment lookups. */
  readonly workers: number;
  readonly health: VaultsHealth;
  /** Intake limits of this worker. */
  readonly intake: IntakeSettings;
  readonly startedLimits: StartedLimits;
  /** See toSend(). */
  readonly tokenizers: readonly GivenTokenizer[];
  readonly readOnly: boolean;
  /** URL of the database with the vaults, in which the worker stores by itself; undefined without one. */
  readonly database: string | undefined;
  /** Settings of vaults that have none of their own. */
  readonly defaults: SettingDefaults;
  /** Connections are sent as they were accepted: the worker speaks TLS, and asks who calls. */
  readonly tls: TlsOptions | undefined;
  readonly access: AccessOptions;
  /** Undefined: there is no page. */
  readonly page: PageOptions | undefined;
  /** True if the worker has to count and measure. */
  readonly metrics: boolean;
  readonly slowCallMs: number | undefined;
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
  | 'dropUsage'
  | 'forget'
  | 'overwriteUnused'
  | 'space'
  | 'giveBack'
  | 'health'
  | 'lease'
  | 'tryLease'
  | 'knownSegments'
  | 'setLabels'
  | 'close'
> &
  Required<Pick<MaintainedBackend, 'sharedSegments' | 'useTimes' | 'listReferences'>>;

/** Forwards every reading call to the backend that `to` returns at that moment. */
export function forwardReads(to: () => Reads): Reads {
  return {
    findSegments: (hashes) => to().findSegments(hashes),
    readFrames: (keys) => to().readFrames(keys),
    readHashes: (keys) => to().readHashes(keys),
    countReferences: (keys) => to().countReferences(keys),
    getConversation: (id) => to().getConversation(id),
    openConversation: (id, ahead) => to().openConversation(id, ahead),
    findPrefix: (query) => to().findPrefix(query),
    warmPrefixes: (query) => to().warmPrefixes(query),
    listConversations: (query) => to().listConversations(query),
    usage: (query) => to().usage(query),
    sharedSegments: (query) => to().sharedSegments(query),
    useTimes: (query) => to().useTimes(query),
    listReferences: (query) => to().listReferences(query),
    listGarbage: (query) => to().listGarbage(query),
    stats: () => to().stats(),
    check: (options) => to().check(options),
    listRegistries: () => to().listRegistries(),
    readRegistry: (id) => to().readRegistry(id),
    readTokenizer: (name) => to().readTokenizer(name),
    scanSegments: (query) => to().scanSegments(query),
    backup: (signal) => to().backup(signal),
  };
}
