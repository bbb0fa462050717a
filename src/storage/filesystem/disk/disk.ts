import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StowkenError } from '../../../model/index.js';

export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

/**
 * File operations of the backend. Paths are relative to the vault's folder; '' is the folder itself. Tests
 * replace it by disks that fail or lose power. All methods reject with the system's error.
 */
export interface Disk {
  /** Reads the whole file, to a buffer that belongs to the caller; undefined if it does not exist. */
  read(path: string): Promise<Uint8Array | undefined>;

  /** Returns a file's size in bytes; undefined if it does not exist. */
  size(path: string): Promise<number | undefined>;

  /** Lists a folder's entries, in no order; empty if it does not exist. */
  list(folder: string): Promise<FolderEntry[]>;

  /** Creates a folder, if it does not exist. */
  makeFolder(path: string): Promise<void>;

  /** Writes a file durably, replacing the one with its name. The name itself may not be durable yet. */
  write(path: string, bytes: Uint8Array): Promise<void>;

  /** Renames a file, replacing the one with the new name. */
  rename(from: string, to: string): Promise<void>;

  /** Removes a file, if it exists. */
  remove(path: string): Promise<void>;

  /** Removes a folder if it is empty or absent. Returns whether it is gone. */
  removeFolder(path: string): Promise<boolean>;

  /** Makes the entries of a folder durable; a missing folder has none. */
  syncFolder(path: string): Promise<void>;

  /** Creates an empty file to append to, replacing the one with its name. */
  createLog(path: string): Promise<LogFile>;
}

export interface LogFile {
  /** Appends durably. */
  append(bytes: Uint8Array): Promise<void>;

  /** Truncates the file durably. */
  truncate(length: number): Promise<void>;

  close(): Promise<void>;
}

/**
 * Returns the disk of a folder of this machine. Without `fsync`, data reaches the disk when the operating
 * system writes it.
 */
export function nodeDisk(folder: string, options: { readonly fsync: boolean }): Disk {
  const { fsync } = options;
  const at = (path: string) => join(folder, path);
  return {
    read: (path) => unless('ENOENT', undefined, readFile(at(path))),

    async size(path) {
      const found = await unless('ENOENT', undefined, stat(at(path)));
      return found?.size;
    },

    async list(path) {
      const entries = await unless('ENOENT', [], readdir(at(path), { withFileTypes: true }));
      return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
    },

    makeFolder: (path) => unless('EEXIST', undefined, mkdir(at(path))),

    async write(path, bytes) {
      const file = await open(at(path), 'w');
      try {
        await file.writeFile(bytes);
        if (fsync) await file.sync();
      } finally {
        await file.close();
      }
    },

    rename: (from, to) => rename(at(from), at(to)),

    remove: (path) => rm(at(path), { force: true }),

    removeFolder: (path) =>
      unless(
        'ENOTEMPTY',
        false,
        unless(
          'ENOENT',
          true,
          rmdir(at(path)).then(() => true),
        ),
      ),

    async syncFolder(path) {
      if (!fsync) return;
      const handle = await unless('ENOENT', undefined, open(at(path), 'r'));
      try {
        await handle?.sync();
      } finally {
        await handle?.close();
      }
    },

    async createLog(path) {
      const file = await open(at(path), 'w');
      let length = 0;
      const { dev, ino } = await file.stat();
      /** Writes to a file without a name are lost, although the system accepts them. */
      const assertThere = async () => {
        const found = await unless('ENOENT', undefined, stat(at(path)));
        const fault = !found
          ? 'was removed or renamed'
          : found.dev !== dev || found.ino !== ino
            ? 'was replaced by another file'
            : found.size < length
              ? `was cut off from ${length} to ${found.size} bytes`
              : undefined;
        if (fault !== undefined) throw new Error(`${at(path)} ${fault} while the vault was open`);
      };
      return {
        async append(bytes) {
          await assertThere();
          for (let written = 0; written < bytes.length;) {
            const rest = bytes.length - written;
            written += (await file.write(bytes, written, rest, length + written)).bytesWritten;
          }
          if (fsync) await file.datasync();
          length += bytes.length;
          await assertThere();
        },
        async truncate(to) {
          await file.truncate(to);
          if (fsync) await file.sync();
          length = to;
        },
        close: () => file.close(),
      };
    },
  };
}

/** Reads a file of a vault as disk.read. @throws StowkenError CORRUPT_STORE if it cannot be read */
export async function readOrRefuse(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  try {
    return await disk.read(path);
  } catch (error) {
    const message = `${path} cannot be read: ${describeFault(error)}`;
    throw new StowkenError('CORRUPT_STORE', message, { file: path }, { cause: error });
  }
}

/** Returns the system's words for a fault, without the path. */
export function describeFault(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split(" '", 1)[0] as string;
}

/** Returns the promise's value, or another one if the system reports `code`. */
async function unless<T, U>(code: string, otherwise: U, promise: Promise<T>): Promise<T | U> {
  try {
    return await promise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return otherwise;
    throw error;
  }
}
