import { isStowkenError, StowkenError } from '../../../model/index.js';
import {
  type InspectedRecord,
  type InspectedTable,
  type Inspection,
  matching,
} from '../../contract/inspection.js';
import { decodeHead } from '../cold/pack-head.js';
import type { StringOf } from '../conversations/manifest.js';
import { PageFile } from '../data-file/page-file.js';
import { isTable, type SalvagedRecord, tableNames, TableReader } from '../salvage/read-tables.js';
import { dataFileIn } from '../tables/environment.js';
import { KIND } from '../tables/layout.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { tableKeys, type TableName } from '../tables/table-keys.js';
import { type TableFormat, tableFormats } from './table-formats.js';

/** Records that are read before others get their turn. */
const SLICE = 1_000;

/**
 * Opens the records of a vault that no process has open. The file is read page by page and never by LMDB, as
 * stowken salvage does, so that damage is found and ends nothing.
 * @throws StowkenError CORRUPT_STORE if there is no data file
 */
export function inspectLmdb(folder: string): Inspection {
  return new LmdbInspection(openFile(folder));
}

interface PackedEntries {
  readonly entries: readonly { readonly key: number; readonly id: string }[];
}

class LmdbInspection implements Inspection {
  readonly storage = KIND;
  readonly tables = tableNames;
  readonly #damage: string[] = [];
  #strings: Map<number, string> | undefined;

  constructor(private readonly file: PageFile) {}

  async summary(): Promise<InspectedTable[]> {
    const sums = new Map(tableNames.map((name) => [name, { records: 0, bytes: 0, damaged: 0 }]));
    const stringOf = this.#stringOf();
    for await (const record of this.#read(tableNames)) {
      const sum = sums.get(record.table)!;
      sum.records += 1;
      sum.bytes += record.value.length;
      if (decode(record, stringOf).damage !== undefined) sum.damaged += 1;
    }
    return [...sums].map(([name, sum]) => ({ name, what: tableFormats[name].what, ...sum }));
  }

  async *records(table: string, key?: string): AsyncGenerator<InspectedRecord, void, void> {
    if (!isTable(table)) return;
    const stringOf = this.#stringOf();
    const wanted = key === undefined ? undefined : (tableFormats[table].asked?.(key) ?? key);
    for await (const found of this.#read([table])) {
      const record = decode(found, stringOf);
      if (wanted === undefined) yield record;
      else {
        const match = matching(record, wanted, aliasesOf(table, record.value));
        if (match) yield match;
      }
    }
    if (table === 'conversations' && wanted !== undefined) yield* this.#packed(wanted, stringOf);
  }

  /** Yields conversations in packs that have a number, or an id, as if they had a record of their own. */
  async *#packed(wanted: string, stringOf: StringOf): AsyncGenerator<InspectedRecord, void, void> {
    const there = new Set<number>();
    for await (const { key, value, whole } of this.#read(['conversationPackHeads'])) {
      const head = whole && undefinedIfCorrupt(() => decodeHead(key.readUInt32LE(0), value));
      for (const number of head ? head.numbers : []) there.add(number);
    }
    for await (const found of this.#read(['conversationPacks'])) {
      const record = decode(found, stringOf);
      for (const { key, ...value } of (record.value as PackedEntries | undefined)?.entries ?? []) {
        if (there.has(key) && [String(key), value.id].includes(wanted))
          yield { ...record, table: 'conversations', key: String(key), value };
      }
    }
  }

  damage(): readonly string[] {
    return this.#damage;
  }

  close(): void {
    this.file.close();
  }

  async *#read(names: readonly TableName[]): AsyncGenerator<SalvagedRecord, void, void> {
    const reader = new TableReader(this.file);
    let read = 0;
    for (const record of reader.records(names)) {
      yield record;
      read += 1;
      if (read % SLICE === 0) await new Promise(setImmediate);
    }
    for (const { page, table, what } of reader.lost) {
      const line = `${page === undefined ? 'the data file' : `page ${page}`}${table === undefined ? '' : ` (${table})`}: ${what}`;
      if (!this.#damage.includes(line)) this.#damage.push(line);
    }
  }

  #stringOf(): StringOf {
    const strings = (this.#strings ??= readStrings(this.file));
    return (code) => {
      const text = strings.get(code);
      if (text === undefined) throw new StowkenError('CORRUPT_STORE', `there is no string ${code}`);
      return text;
    };
  }
}

function readStrings(file: PageFile): Map<number, string> {
  const strings = new Map<number, string>();
  for (const { key, value, whole } of new TableReader(file).records(['strings']))
    if (whole) strings.set(key.readUInt32LE(0), value.toString('utf8'));
  return strings;
}

function decode({ table, key, value, whole, orphaned }: SalvagedRecord, stringOf: StringOf): InspectedRecord {
  const isNumber = tableKeys[table] === 'u32';
  const record = {
    table,
    key: key.toString('hex'),
    raw: value,
    value: undefined,
    damage: undefined,
    orphaned,
  };
  if (isNumber && key.length !== 4) return { ...record, damage: 'its key is not a number' };
  const format = tableFormats[table] as TableFormat<number | Buffer>;
  const decodedKey = isNumber ? key.readUInt32LE(0) : key;
  try {
    const named = { ...record, key: format.keyOf(decodedKey) };
    if (!whole) return { ...named, damage: 'it does not have its checksum' };
    return { ...named, value: format.decode(decodedKey, value, stringOf) };
  } catch (error) {
    // A key that is too short ends a read of the buffer.
    if (!isStowkenError(error) && !(error instanceof RangeError)) throw error;
    return { ...record, damage: error.message };
  }
}

function aliasesOf(table: TableName, value: unknown): readonly string[] {
  return value === undefined ? [] : (tableFormats[table].aliases?.(value as object) ?? []);
}

function openFile(folder: string): PageFile {
  try {
    return PageFile.open(dataFileIn(folder));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new StowkenError('CORRUPT_STORE', `there is no data file in ${folder}`);
  }
}
