import type { FileHandle } from 'node:fs/promises';
import { BadLine } from '../bad-line.js';
import { type Json, rawNumber } from '../shapes/index.js';

/**
 * Limit of the bytes that are decoded at once, before packing, as far as the rows of a group are alike. A
 * read decodes the group from its beginning, so that most groups are read once, as a whole.
 */
const decodedBytesMax = 64 * 1024 * 1024;

/** A file of which any part can be read. */
export interface RandomAccess {
  readonly byteLength: number;
  slice(start: number, end?: number): Promise<ArrayBuffer>;
}

/** Returns bytes in memory as a file. */
export function inMemory(bytes: Buffer): RandomAccess {
  const slice = (start: number, end?: number) => Promise.resolve(ownBytes(bytes.subarray(start, end)));
  return { byteLength: bytes.length, slice };
}

/** Returns a file on disk, which is read as it is asked for. `onRead` is called with the bytes read. */
export function onDisk(
  handle: FileHandle,
  byteLength: number,
  onRead: (bytes: number) => void,
): RandomAccess {
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const from = start < 0 ? Math.max(0, byteLength + start) : start;
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - from));
      let read = 0;
      while (read < bytes.length) {
        const { bytesRead } = await handle.read(bytes, read, bytes.length - read, from + read);
        if (bytesRead === 0) throw new BadLine('it is a Parquet file, and became shorter while it was read');
        read += bytesRead;
      }
      onRead(read);
      return bytes.buffer;
    },
  };
}

export interface Row {
  /** Begins at 1. */
  readonly number: number;
  readonly value: Json;
}

/**
 * Yields the rows of a Parquet file, as JSON values, a group in memory at a time. @throws BadLine if damaged
 */
export async function* parquetRows(file: RandomAccess): AsyncGenerator<Row, void, void> {
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  try {
    const metadata = await parquetMetadataAsync(file);
    let groupStart = 0;
    for (const { num_rows, total_byte_size } of metadata.row_groups) {
      const groupEnd = groupStart + Number(num_rows);
      const rowBytes = Number(total_byte_size) / Math.max(1, Number(num_rows));
      const rowsAtOnce = Math.max(1, Math.floor(decodedBytesMax / Math.max(1, rowBytes)));
      for (let rowStart = groupStart; rowStart < groupEnd; rowStart += rowsAtOnce) {
        const rowEnd = Math.min(groupEnd, rowStart + rowsAtOnce);
        const rows = await parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd });
        for (const [index, row] of rows.entries()) yield { number: rowStart + index + 1, value: toJson(row) };
      }
      groupStart = groupEnd;
    }
  } catch (error) {
    if (error instanceof BadLine || !(error instanceof Error)) throw error;
    if ('code' in error) throw error;
    throw new BadLine(`it is a Parquet file, and damaged or cut: ${error.message}`, 'damaged Parquet');
  }
}

function ownBytes(bytes: Buffer): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
}

/** Returns a value of a row as JSON has it: times in RFC 3339, bytes as text or in base64. */
function toJson(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : rawNumber(String(value));
  }
  if (Object.is(value, -0)) return rawNumber('-0');
  if (typeof value === 'number') return Number.isFinite(value) ? value : rawNumber(String(value));
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return toJsonOfView(value);
  if (Array.isArray(value)) return value.map(toJson);
  return Object.fromEntries(
    Object.entries(value as Record<string, unknown>).map(([key, item]) => [key, toJson(item)]),
  );
}

function toJsonOfView(view: ArrayBufferView): Json {
  if (view instanceof Uint8Array) {
    const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
    const text = bytes.toString();
    return Buffer.from(text).equals(bytes) ? text : bytes.toString('base64');
  }
  return Array.from(view as unknown as ArrayLike<unknown>, toJson);
}
