import { isClientError, isUnreachable } from '../client/index.js';
import { isStowkenError } from '../model/index.js';

/** Words for the errors of files that a person can mend. */
const fileErrors: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EISDIR: 'it is a folder, where a file must be',
  ENOTDIR: 'a part of this path is a file, where a folder must be',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk is read-only',
  EMFILE: 'too many files are open; a higher ulimit -n helps',
};

/** Describes an error on one line, for a person. */
export function describeError(error: unknown): string {
  if (isUnreachable(error) && error.reason === undefined) return `no server answers: ${error.message}`;
  if (isClientError(error)) return `${error.message} (${error.reason ?? error.codeName})`;
  if (isStowkenError(error)) return `${error.message} (${error.reason})`;
  return error instanceof Error ? (describeFileError(error) ?? error.message) : String(error);
}

/**
 * Describes an error of a file, without its path if that is `named` already; undefined for other errors.
 * Reading a folder as a file gives an error without a path.
 */
export function describeFileError(error: NodeJS.ErrnoException, named?: string): string | undefined {
  const { code = '', path, syscall } = error;
  const words = syscall === undefined ? undefined : fileErrors[code];
  if (words === undefined || path === undefined || path === named) return words;
  return `${path}: ${words}`;
}
