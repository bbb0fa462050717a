const noSpace = 'no space left on the disk';
const quotaUsed = 'the disk quota is used up';

/** Free space below which a failed commit is taken for lack of space. */
const commitBytesMin = 4 * 1024 * 1024;

/** Refusals of a system to write, by the codes of Node and the numbers of LMDB. */
const refusals: Readonly<Record<string, string>> = {
  ENOSPC: noSpace,
  28: noSpace,
  EDQUOT: quotaUsed,
  122: quotaUsed,
  EROFS: 'the file system is read-only',
  30: 'the file system is read-only',
};

/** Returns in words why the disk refused a write; undefined for errors of other kinds. */
export function diskRefusal(error: unknown): string | undefined {
  const { code, cause } = (error ?? {}) as { readonly code?: unknown; readonly cause?: unknown };
  const known = refusals[String(code)];
  return known ?? (cause === undefined ? undefined : diskRefusal(cause));
}

/**
 * Returns in words that a write failed for lack of space; undefined if it failed for another reason. LMDB
 * reports a write that was cut short by a full disk as an I/O error: `bytesFree` says what it was.
 */
export function spaceRefusal(
  error: unknown,
  bytesFree: number,
  bytesNeeded = commitBytesMin,
): string | undefined {
  const refusal = diskRefusal(error);
  if (bytesFree < bytesNeeded) return `${noSpace}: ${bytesFree} bytes are free`;
  return refusal === noSpace || refusal === quotaUsed ? `${refusal}: ${bytesFree} bytes are free` : undefined;
}
