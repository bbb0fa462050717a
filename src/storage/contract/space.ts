/** Space of a vault's data file on the disk. */
export interface DiskSpace {
  /** Bytes that the file system has given to the file. */
  readonly allocatedBytes: number;
  /** Bytes of its pages that have content. */
  readonly inUseBytes: number;
  /** Reason why free pages cannot be given back; undefined if they can, as far as is known. */
  readonly unsupported: string | undefined;
}

export interface GiveBackOptions {
  readonly signal: AbortSignal;
  /** Gives back until the file has no more than so many times the bytes in use. */
  readonly factor: number;
}

export interface GivenBack {
  readonly bytes: number;
  readonly holes: number;
}
