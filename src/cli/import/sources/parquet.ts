import type { FileHandle } from 'node:fs/promises';
import { BadLine } from '../bad-line.js';
import type { Json } from '../shapes/index.js';
import { exactParsers, jsonOf, readAsStored } from './parquet-values.js';

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
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  try {
    const metadata = await parquetMetadataAsync(file);
    readAsStored(metadata.schema);
    const schema = parquetSchema(metadata);
    // Bytes that are not said to be text are looked at: those of an image would be taken for text.
    const given = { file, metadata, compressors, parsers: exactParsers, utf8: false };
    let groupStart = 0;
    for (const { num_rows, total_byte_size } of metadata.row_groups) {
      const groupEnd = groupStart + Number(num_rows);
      const rowBytes = Number(total_byte_size) / Math.max(1, Number(num_rows));
      const rowsAtOnce = Math.max(1, Math.floor(decodedBytesMax / Math.max(1, rowBytes)));
      for (let rowStart = groupStart; rowStart < groupEnd; rowStart += rowsAtOnce) {
        const rowEnd = Math.min(groupEnd, rowStart + rowsAtOnce);
        const rows = await parquetReadObjects({ ...given, rowStart, rowEnd });
        for (const [index, row] of rows.entries())
          yield { number: rowStart + index + 1, value: jsonOf(row, schema) };
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
