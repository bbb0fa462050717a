/** Settings of a vault. One that is absent is as the server was started. */
export interface VaultSettings {
  /** Adds stored conversations to the index that findPrefix uses. */
  readonly prefixIndex?: boolean;
  /** Compacts the vault automatically when enough new tokens are stored. */
  readonly autoCompact?: boolean;
  /** Limit of the vault's bytes in use; none if it is 0. */
  readonly quotaBytes?: number;
  /** Metadata keys by which lists find conversations and usage is counted; at most 8. */
  readonly labels?: readonly string[];
  /** Lifetime of conversations that have no expire time, since their creation; 0: for ever. */
  readonly lifetimeMs?: number;
  /** Lifetimes that go before it, by metadata entry or, if the label is empty, by application. */
  readonly lifetimes?: readonly (LabelValue & { readonly lifetimeMs: number })[];
  /** Conversations with one of these metadata entries have no lifetime, and are not deleted for a limit. */
  readonly keep?: readonly LabelValue[];
  /** Limits above which the oldest conversations are deleted; none if it is 0. */
  readonly conversationsMax?: number;
  readonly contentBytesMax?: number;
  /** Time for which usage is kept; 0: for ever. Content that goes changes no count. */
  readonly keepUsageMs?: number;
}

/** A metadata entry. */
export interface LabelValue {
  readonly label: string;
  readonly value: string;
}

/** A vault of a server. */
export interface VaultInfo {
  readonly name: string;
  /** Empty if the server has not opened the vault yet. */
  readonly vaultId: string;
  /** Undefined for "default". */
  readonly createTimeMs: number | undefined;
  readonly settings: VaultSettings;
  /** "failed": it could not be opened when it was last needed. */
  readonly state: 'open' | 'closed' | 'readOnly' | 'failed';
  /** Reason of "readOnly" and "failed". */
  readonly cause: string;
  /** Work under way on the whole vault; only where one vault is asked for. */
  readonly work: readonly { readonly task: string; readonly startTimeMs: number }[];
}

/** Conversations of a vault that are to be deleted and still stored, and the work on them. */
export interface Retention {
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
  /** Space of the data file on the disk; undefined for a storage without such a file. */
  readonly space: DiskSpace | undefined;
}

/** Space of a vault's data file on the disk. */
export interface DiskSpace {
  readonly allocatedBytes: number;
  /** Bytes of its pages that have content. */
  readonly inUseBytes: number;
  /** Bytes given back to the file system since the start of the server. */
  readonly givenBackBytes: number;
  readonly isGivingBack: boolean;
  /** Reason why free pages are not given back; undefined if they are. */
  readonly unsupported: string | undefined;
}

/** Restricts the events of the audit log. */
export interface AuditFilter {
  readonly vault?: string;
  readonly identity?: string;
  /** From this time on. */
  readonly startMs?: number;
  /** Before this time. */
  readonly endMs?: number;
}

/** A call in the audit log. */
export interface AuditEvent {
  readonly number: number;
  readonly timeMs: number;
  /** Empty if it was not known who called. */
  readonly identity: string;
  readonly peer: string;
  /** "ConversationService.DeleteConversation" */
  readonly method: string;
  /** Empty if the call ended before its vault was known. */
  readonly vault: string;
  /** First ids, or hashes of segments, that the call names. */
  readonly ids: readonly string[];
  readonly idCount: number;
  /** "OK", or the reason of the error. */
  readonly result: string;
  /** Further calls like this one since the event before. */
  readonly repeated: number;
}
