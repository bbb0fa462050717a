import { brotliCompress, brotliDecompressSync, constants } from 'node:zlib';
import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';

/** Columns of a pack in their order. Values of one kind stand together, so that they are coded well. */
const named = [
  'numbers',
  'flags',
  'distances',
  'idsShared',
  'idLengths',
  'ids',
  'labels',
  'newLabels',
  'revisions',
  'figures',
  'storeTimes',
  'updateTimes',
  'createTimes',
  'expireTimes',
  'parents',
  'metadataNames',
  'metadataValues',
  'directories',
  'messages',
  'heads',
  'roles',
  'names',
  'toolCallsShared',
  'toolCallLengths',
  'toolCalls',
  'counts',
  'references',
  'farSegments',
] as const;

type ColumnName = (typeof named)[number];

/** Token counts have a column for each code of a role that fits a message's first byte. */
const ROLES = 32;
const COLUMNS = named.length + ROLES;

const VERSION = 1;
/** Limit of a pack's columns, before they are compressed. */
const COLUMN_BYTES_MAX = 8 * 1024 * 1024;
const WINDOW_BITS = 20;

type Columns<T> = Readonly<Record<ColumnName, T>> & { readonly tokenCounts: readonly T[] };

function columnsFrom<T>(column: (index: number) => T): Columns<T> {
  const tokenCounts = Array.from({ length: ROLES }, (_, role) => column(named.length + role));
  const others = Object.fromEntries(named.map((name, index) => [name, column(index)])) as Record<
    ColumnName,
    T
  >;
  return { ...others, tokenCounts };
}

export type ColumnWriters = Columns<ByteWriter>;
export type ColumnReaders = Columns<ByteReader>;

export function emptyColumns(): ColumnWriters {
  return columnsFrom(() => new ByteWriter());
}

/** Joins columns: varint length of each, then their bytes. */
export function joinColumns(columns: ColumnWriters): Uint8Array {
  const all = [...named.map((name) => columns[name]), ...columns.tokenCounts].map((each) => each.finish());
  const writer = new ByteWriter(64 * 1024);
  for (const { length } of all) writer.varint(length);
  for (const column of all) writer.raw(column);
  return writer.finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function splitColumns(joined: Uint8Array): ColumnReaders {
  const reader = new ByteReader(joined);
  const lengths = Array.from({ length: COLUMNS }, () => reader.varint());
  const columns = lengths.map((length) => new ByteReader(reader.raw(length)));
  if (!reader.atEnd) throw corruptPack('has bytes behind its columns');
  return columnsFrom((index) => columns[index]!);
}

/** Throws unless all columns are read to their ends. */
export function assertRead(columns: ColumnReaders): void {
  const isRead =
    named.every((name) => columns[name].atEnd) && columns.tokenCounts.every((column) => column.atEnd);
  if (!isRead) throw corruptPack('has columns that are too long');
}

/** A pack as it is stored: a byte for its version, then joined columns, compressed with brotli. */
export async function compressColumns(joined: Uint8Array): Promise<Uint8Array> {
  const compressed = await new Promise<Buffer>((resolve, reject) => {
    brotliCompress(joined, optionsOf(joined), (error, result) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
  return Buffer.concat([Buffer.of(VERSION), compressed]);
}

function optionsOf(joined: Uint8Array) {
  return {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: joined.length,
    },
  };
}

/** @throws StowkenError CORRUPT_STORE */
export function decompressColumns(pack: Uint8Array): Uint8Array {
  if (pack[0] !== VERSION) throw corruptPack(`has version ${String(pack[0])}, which is not known`);
  try {
    return brotliDecompressSync(pack.subarray(1), { maxOutputLength: COLUMN_BYTES_MAX });
  } catch (error) {
    throw corruptPack('does not decompress', error);
  }
}

export function corruptPack(what: string, cause?: unknown): StowkenError {
  return new StowkenError('CORRUPT_STORE', `a pack of conversations ${what}`, {}, { cause });
}
