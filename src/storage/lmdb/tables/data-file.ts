import { appendFile, open, truncate, type FileHandle } from 'node:fs/promises';
import { StowkenError } from '../../../model/index.js';
import { PAGE_BYTES } from './layout.js';

/** Within a meta page of LMDB's data file (its MDB_meta), of which there are two, written in turn. */
const META_PAGES = 2;
const MAGIC_AT = 24;
const MAGIC = 0xbeefc0de;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;

/**
 * Whether the data file has all the bytes that its newest meta page speaks of. LMDB maps the file, and
 * touching a page that is not there would end the process; a file that is too short is therefore
 * lengthened with zeros, which read as damage. The last pages may never have been written, so a short
 * file can be whole: the caller checks the vault, and calls `restore` if it is damaged and the caller's.
 * @throws StowkenError CORRUPT_STORE when it is no data file of LMDB's
 */
export async function lengthenDataFile(path: string): Promise<{ restore(): Promise<void> } | undefined> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { size } = await file.stat();
    if (size === 0) return undefined;
    const needed = await bytesNeeded(file, path);
    if (size >= needed) return undefined;
    // Appended, never cut: another process may have the vault open, and the file may have grown since.
    await appendFile(path, Buffer.alloc(needed - size));
    return { restore: () => truncate(path, size) };
  } finally {
    await file.close();
  }
}

async function bytesNeeded(file: FileHandle, path: string): Promise<number> {
  const pages = Buffer.alloc(META_PAGES * PAGE_BYTES);
  const { bytesRead } = await file.read(pages, 0, pages.length, 0);
  if (bytesRead < pages.length) throw damaged(path, `has ${bytesRead} bytes`);
  let newest = { transaction: -1n, lastPage: 0n };
  for (let at = 0; at < pages.length; at += PAGE_BYTES) {
    if (pages.readUInt32LE(at + MAGIC_AT) !== MAGIC) throw damaged(path, 'does not begin as it must');
    const transaction = pages.readBigUInt64LE(at + TRANSACTION_AT);
    if (transaction > newest.transaction) {
      newest = { transaction, lastPage: pages.readBigUInt64LE(at + LAST_PAGE_AT) };
    }
  }
  return (Number(newest.lastPage) + 1) * PAGE_BYTES;
}

export function damaged(path: string, what: string): StowkenError {
  return new StowkenError('CORRUPT_STORE', `the data file ${path} ${what}: it is damaged`);
}
