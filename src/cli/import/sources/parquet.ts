import { BadLine } from '../bad-line.js';
import type { Json } from '../shapes/index.js';

/** Rows that are decoded at once. */
const rowsAtOnce = 256;

export interface Row {
  /** Begins at 1. */
  readonly number: number;
  readonly value: Json;
}

/** Yields the rows of a Parquet file, as JSON values. @throws BadLine if it is cut or damaged */
export async function* parquetRows(bytes: Buffer): AsyncGenerator<Row, void, void> {
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  try {
    const file = {
      byteLength: bytes.length,
      slice: (start: number, end?: number) => Promise.resolve(ownBytes(bytes.subarray(start, end))),
    };
    const metadata = await parquetMetadataAsync(file);
    const total = Number(metadata.num_rows);
    for (let rowStart = 0; rowStart < total; rowStart += rowsAtOnce) {
      const rowEnd = Math.min(total, rowStart + rowsAtOnce);
      const rows = await parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd });
      for (const [index, row] of rows.entries()) yield { number: rowStart + index + 1, value: toJson(row) };
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
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
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
