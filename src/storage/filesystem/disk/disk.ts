import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StowkenError } from '../../../model/index.js';

export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

/**
 * The few things that the backend does with a disk; paths are relative to the vault's folder, '' is the folder
 * itself. Tests put disks in its place that fail or lose power. All methods reject with the system's error.
 */
export interface Disk {
  /** The whole file, in a buffer of the caller's own; undefined when it is not there. */
  read(path: string): Promise<Uint8Array | undefined>;

  /** Bytes of a file; undefined when it is not there. */
  size(path: string): Promise<number | undefined>;

  /** What a folder holds, in no order; nothing when it is not there. */
  list(folder: string): Promise<FolderEntry[]>;

  /** Makes a folder, if it is not there. */
  makeFolder(path: string): Promise<void>;

  /** Writes a file, replacing what has that name, and has its content on the disk; its name may not be there yet. */
  write(path: string, bytes: Uint8Array): Promise<void>;

  /** Replaces what has the new name. */
  rename(from: string, to: string): Promise<void>;

  /** Removes a file, if it is there. */
  remove(path: string): Promise<void>;

  /** Removes a folder when it is empty or absent; says whether it is gone. */
  removeFolder(path: string): Promise<boolean>;

  /** Has the names in a folder on the disk; one that is not there has none. */
  syncFolder(path: string): Promise<void>;

  /** A new, empty file to append to, in place of what had its name. */
  createLog(path: string): Promise<LogFile>;
}

export interface LogFile {
  /** Writes at the end, and has it on the disk. */
  append(bytes: Uint8Array): Promise<void>;

  /** Cuts the file off, and has that on the disk. */
  truncate(length: number): Promise<void>;

  close(): Promise<void>;
}

/** A folder of this machine. Without `fsync`, everything reaches the disk when the operating system writes it. */
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
      /** What is written to a file that has no name any more is lost, though the system takes it. */
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

/** As disk.read, for what is part of a vault. @throws StowkenError CORRUPT_STORE */
export async function readOrRefuse(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  try {
    return await disk.read(path);
  } catch (error) {
    const message = `${path} cannot be read: ${describeFault(error)}`;
    throw new StowkenError('CORRUPT_STORE', message, { file: path }, { cause: error });
  }
}

/** The system's words for what went wrong, without the path. */
export function describeFault(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split(" '", 1)[0] as string;
}

/** The promise's value, or another one when the system says `code`. */
async function unless<T, U>(code: string, otherwise: U, promise: Promise<T>): Promise<T | U> {
  try {
    return await promise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return otherwise;
    throw error;
  }
}
