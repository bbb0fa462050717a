import { closeSync, fdatasync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

const sync = promisify(fdatasync);
const CHUNK_BYTES = 256 * 1024;

/**
 * Overwrites bytes of a data file beside LMDB: those that no state reads. Bytes that are zero already are not
 * written, so that a hole stays one.
 */
export class DataFileWriter {
  readonly #zeros = Buffer.alloc(CHUNK_BYTES);
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  readonly #descriptor: number;
  /** Bytes that were not zero. */
  overwrittenBytes = 0;

  constructor(path: string) {
    this.#descriptor = openSync(path, 'r+');
  }

  /** Overwrites [from, to); returns how many bytes were not zero. With `writes: false`, only counts them. */
  zero(from: number, to: number, writes = true): number {
    let found = 0;
    for (let at = from; at < to;) {
      const bytes = readSync(this.#descriptor, this.#buffer, 0, Math.min(CHUNK_BYTES, to - at), at);
      if (bytes === 0) break;
      const part = this.#buffer.subarray(0, bytes);
      if (!part.equals(this.#zeros.subarray(0, bytes))) {
        for (const byte of part) if (byte !== 0) found += 1;
        if (writes) writeSync(this.#descriptor, this.#zeros, 0, bytes, at);
      }
      at += bytes;
    }
    if (writes) this.overwrittenBytes += found;
    return found;
  }

  async sync(): Promise<void> {
    await sync(this.#descriptor);
  }

  syncNow(): void {
    fdatasyncSync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
