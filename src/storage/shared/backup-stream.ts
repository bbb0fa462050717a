import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { limits, StowkenError } from '../../model/index.js';

/** Head of a backup; see docs/formats/storage.md. */
export interface BackupHeader {
  readonly kind: string;
  readonly format: number;
  readonly vaultId: string;
  readonly bytes: number;
}

const HEADER_BYTES_MAX = 512;
const DIGEST_BYTES = 32;
const headerPattern =
  /^stowken backup (\d+)\nstorage (\w+)\nformat (\d+)\nid ([0-9a-f]{32})\nbytes (\d+)\n\n/;
const BACKUP_VERSION = 1;

/** Reads `path` from its beginning; the file must not change meanwhile. */
export async function* writeBackup(
  header: BackupHeader,
  path: string,
): AsyncGenerator<Uint8Array, void, void> {
  const digest = createHash('sha256');
  const { kind, format, vaultId, bytes } = header;
  const head = Buffer.from(
    `stowken backup ${BACKUP_VERSION}\nstorage ${kind}\nformat ${format}\nid ${vaultId}\nbytes ${bytes}\n\n`,
  );
  digest.update(head);
  yield head;
  const file = await open(path);
  try {
    for (;;) {
      const chunkBytes = limits.backupChunkBytes;
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes);
      if (bytesRead === 0) break;
      const chunk = buffer.subarray(0, bytesRead);
      digest.update(chunk);
      yield chunk;
    }
  } finally {
    await file.close();
  }
  yield digest.digest();
}

/**
 * Writes a backup's content to a new file, durably, once its checksum has been verified.
 * @throws StowkenError CORRUPT_STORE if it is not a backup, or is cut off, altered or longer than its header
 * says; STORE_VERSION if it is from another storage or a newer version. The file is then incomplete.
 */
export async function readBackup(
  source: AsyncIterable<Uint8Array>,
  path: string,
  accept: (header: BackupHeader) => void,
): Promise<BackupHeader> {
  const digest = createHash('sha256');
  const file = await open(path, 'wx');
  let header: BackupHeader | undefined;
  let pending = Buffer.alloc(0);
  let left = 0;
  try {
    for await (const chunk of source) {
      pending = Buffer.concat([pending, chunk]);
      if (!header) {
        const match = headerPattern.exec(pending.toString('latin1', 0, HEADER_BYTES_MAX));
        if (!match) {
          if (pending.length >= HEADER_BYTES_MAX) throw refused('does not begin as one');
          continue;
        }
        header = headerOf(match);
        accept(header);
        const length = match[0].length;
        digest.update(pending.subarray(0, length));
        pending = pending.subarray(length);
        left = header.bytes;
      }
      const content = pending.subarray(0, left);
      digest.update(content);
      await file.writeFile(content);
      left -= content.length;
      pending = pending.subarray(content.length);
      if (pending.length > DIGEST_BYTES) throw refused('is longer than it says');
    }
    if (!header) throw refused('does not begin as one');
    if (left > 0 || pending.length < DIGEST_BYTES) throw refused('is cut off');
    if (!digest.digest().equals(pending)) throw refused('was altered: its checksum is another');
    await file.sync();
    return header;
  } finally {
    await file.close();
  }
}

function headerOf([, version, kind, format, vaultId, bytes]: RegExpExecArray): BackupHeader {
  if (Number(version) > BACKUP_VERSION) {
    throw new StowkenError(
      'STORE_VERSION',
      `the backup has version ${version}; this is read up to ${BACKUP_VERSION}`,
    );
  }
  return { kind: kind ?? '', format: Number(format), vaultId: vaultId ?? '', bytes: Number(bytes) };
}

function refused(what: string): StowkenError {
  return new StowkenError('CORRUPT_STORE', `the backup ${what}`);
}
