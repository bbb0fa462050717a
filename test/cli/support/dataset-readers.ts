import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';

/** Readers of exports, after the formats' own descriptions (docs/export.md names them). */

export interface ReadRow {
  readonly tokens: readonly number[];
  readonly mask?: readonly number[];
  readonly id?: string;
}

/** Reads an indexed dataset of Megatron-LM. */
export function readMegatron(prefix: string): { readonly type: string; readonly documents: number[][] } {
  const index = readFileSync(`${prefix}.idx`);
  const words = readFileSync(`${prefix}.bin`);
  if (index.subarray(0, 9).toString('latin1') !== 'MMIDIDX\0\0') throw new Error('not an index');
  if (index.readBigUInt64LE(9) !== 1n) throw new Error('not version 1');
  const type = { 1: 'uint8', 4: 'int32', 8: 'uint16' }[index.readUInt8(17)]!;
  const width = { uint8: 1, int32: 4, uint16: 2 }[type]!;
  const sequences = Number(index.readBigUInt64LE(18));
  const bounds = Number(index.readBigUInt64LE(26));
  const lengthsAt = 34;
  const offsetsAt = lengthsAt + 4 * sequences;
  const documentsAt = offsetsAt + 8 * sequences;
  if (index.length !== documentsAt + 8 * bounds) throw new Error('the index has another size');
  const sequence = (number: number) => {
    const at = Number(index.readBigInt64LE(offsetsAt + 8 * number));
    const length = index.readInt32LE(lengthsAt + 4 * number);
    return Array.from({ length }, (_, token) => words.readUIntLE(at + width * token, width));
  };
  const bound = (number: number) => Number(index.readBigInt64LE(documentsAt + 8 * number));
  const documents = Array.from({ length: bounds - 1 }, (_, document) => {
    const tokens: number[] = [];
    for (let at = bound(document); at < bound(document + 1); at++) tokens.push(...sequence(at));
    return tokens;
  });
  const read = documents.reduce((sum, { length }) => sum + length, 0);
  if (width * read !== words.length) throw new Error('the words have another size');
  return { type, documents };
}

/** Reads a NumPy array of one dimension. */
export function readNpy(path: string): { readonly type: string; readonly values: number[] } {
  const file = readFileSync(path);
  if (file.subarray(0, 8).toString('latin1') !== '\x93NUMPY\x01\x00') throw new Error('not an array');
  const end = 10 + file.readUInt16LE(8);
  if (end % 64 !== 0 || file[end - 1] !== 0x0a) throw new Error('the header is not aligned');
  const header = file.subarray(10, end).toString('latin1');
  const [, type = '', shape = ''] =
    /^\{'descr': '([^']+)', 'fortran_order': False, 'shape': \((\d+),\), \} *\n$/.exec(header) ?? [];
  const width = Number(type.slice(2));
  if (file.length !== end + width * Number(shape)) throw new Error('the array has another size');
  const values = Array.from({ length: Number(shape) }, (_, at) =>
    width === 8 ? Number(file.readBigInt64LE(end + 8 * at)) : file.readUIntLE(end + width * at, width),
  );
  return { type, values };
}

interface MdsIndex {
  readonly version: number;
  readonly shards: readonly {
    readonly column_names: readonly string[];
    readonly column_encodings: readonly string[];
    readonly raw_data: { readonly basename: string; readonly bytes: number };
    readonly samples: number;
  }[];
}

/** Reads a split of MDS. */
export function readMds(folder: string): ReadRow[] {
  const { version, shards } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as MdsIndex;
  if (version !== 2) throw new Error('not version 2');
  return shards.flatMap(({ raw_data: { basename, bytes }, samples, ...shard }) => {
    const file = readFileSync(join(folder, basename));
    if (file.length !== bytes || file.readUInt32LE(0) !== samples) throw new Error('another shard');
    if (shard.column_names.join() !== [...shard.column_names].sort().join()) throw new Error('not sorted');
    return Array.from({ length: samples }, (_, number) => {
      const sample = file.subarray(file.readUInt32LE(4 + 4 * number), file.readUInt32LE(8 + 4 * number));
      return mdsSample(sample, shard.column_names, shard.column_encodings);
    });
  });
}

function mdsSample(sample: Buffer, names: readonly string[], encodings: readonly string[]): ReadRow {
  const columns = new Map<string, Buffer>();
  let at = 4 * names.length;
  names.forEach((name, column) => {
    const size = sample.readUInt32LE(4 * column);
    columns.set(`${name} ${encodings[column]}`, sample.subarray(at, at + size));
    at += size;
  });
  if (at !== sample.length) throw new Error('the sample has another size');
  const mask = columns.get('loss_mask ndarray:uint8');
  return {
    id: columns.get('id str')!.toString(),
    tokens: mdsArray(columns.get('tokens ndarray:int32')!, 4),
    ...(mask && { mask: mdsArray(mask, 1) }),
  };
}

/** Reads an array whose number of dimensions and width of the shape are in its first byte. */
function mdsArray(bytes: Buffer, width: number): number[] {
  const shapeWidth = 2 ** (bytes[0]! % 4);
  if (bytes[0]! >> 2 !== 1) throw new Error('not one dimension');
  const length = bytes.readUIntLE(1, shapeWidth);
  const values = bytes.subarray(1 + shapeWidth);
  if (values.length !== width * length) throw new Error('the array has another size');
  return Array.from({ length }, (_, at) => values.readIntLE(width * at, width));
}

export type Columns = Readonly<Record<string, unknown>>;

/** Reads a stream of Arrow with Apache's own reader. */
export function readArrow(path: string): { types: string[]; batchRows: number[]; rows: Columns[] } {
  const table = tableFromIPC(readFileSync(path));
  const rows = table.toArray() as { toJSON(): Record<string, unknown> }[];
  const plain = (value: unknown) => (typeof value === 'string' ? value : [...(value as Iterable<unknown>)]);
  return {
    types: table.schema.fields.map((field: { toString(): string }) => field.toString()),
    batchRows: table.batches.map(({ numRows }) => numRows),
    rows: rows.map((row) =>
      Object.fromEntries(Object.entries(row.toJSON()).map(([name, value]) => [name, plain(value)])),
    ),
  };
}

/** Reads Parquet with a library that did not write it. */
export async function readParquet(path: string): Promise<{ groups: number; rows: Columns[] }> {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  return {
    groups: parquetMetadata(file).row_groups.length,
    rows: (await parquetReadObjects({ file })) as Columns[],
  };
}
