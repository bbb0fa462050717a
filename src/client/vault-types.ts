/** Settings of a vault. One that is absent is as the server was started. */
export interface VaultSettings {
  /** Adds stored conversations to the index that findPrefix uses. */
  readonly prefixIndex?: boolean;
  /** Compacts the vault automatically when enough new tokens are stored. */
  readonly autoCompact?: boolean;
  /** Limit of the vault's bytes in use; none if it is 0. */
  readonly quotaBytes?: number;
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
}
