import { assert } from '../../../model/index.js';
import { decodeDirectory } from '../conversations/block-directory.js';
import { decodeManifest } from '../conversations/conversations.js';
import { IdIndex } from '../conversations/id-index.js';
import type { StringOf } from '../conversations/manifest.js';
import { scanMessages } from '../conversations/message-list.js';
import { type TableFormat, tableFormats } from '../inspect/table-formats.js';
import { trustsDamagedPacks, SegmentReader } from '../packs/segment-reader.js';
import { countsIn, RefCounts } from '../segments/ref-counts.js';
import type { Tables } from '../tables/environment.js';
import { readState } from '../tables/meta.js';
import type { Table } from '../tables/table.js';
import type { TableName } from '../tables/table-keys.js';
import type { SegmentId } from '../tables/ids.js';

/** Keys that a transaction wrote or removed, by table. */
type Touched = Map<TableName, Set<number | Buffer>>;

/**
 * Runs a write transaction that reads all records that it wrote once more, before they are committed: each
 * must decode, and agree with those that it names. A contradiction aborts it.
 */
export function strictly<T>(tables: Tables, stringOf: StringOf, action: () => T): T {
  const touched: Touched = new Map();
  const all = Object.values(tables as unknown as Record<string, Table<number | Buffer>>);
  for (const table of all) {
    const keys = new Set<number | Buffer>();
    touched.set(table.name as TableName, keys);
    table.written = keys;
  }
  try {
    const result = action();
    checkTouched(tables, stringOf, touched);
    return result;
  } finally {
    for (const table of all) table.written = undefined;
  }
}

/** @throws StowkenError INVARIANT_BROKEN, CORRUPT_STORE */
function checkTouched(tables: Tables, stringOf: StringOf, touched: Touched): void {
  for (const [name, keys] of touched) {
    const table = tables[name] as unknown as Table<number | Buffer>;
    const format = tableFormats[name] as TableFormat<number | Buffer>;
    for (const key of keys) {
      const value = table.get(key);
      if (value) format.decode(key, Buffer.from(value), stringOf);
    }
  }
  const next = () => readState(tables.meta).nextSegment;
  const counts = new RefCounts<SegmentId>(tables.refCounts, tables.bigRefCounts, next);
  const numbersIn = (name: TableName) => [...touched.get(name)!].filter((key) => typeof key === 'number');
  for (const key of numbersIn('refCounts')) checkCounts(tables, key);
  for (const id of numbersIn('garbage')) {
    const isGarbage = tables.garbage.get(id) !== undefined;
    assert(isGarbage === (counts.get(id as SegmentId) === 0), 'garbage is what has no references', id);
  }
  for (const number of numbersIn('conversations')) checkConversation(tables, stringOf, counts, number);
}

/** Every counted segment is in a pack, and garbage if nothing refers to it. */
function checkCounts(tables: Tables, key: number): void {
  const record = tables.refCounts.get(key);
  const reader = new SegmentReader(tables, trustsDamagedPacks);
  for (const { number, count } of record ? countsIn(key, record) : []) {
    assert(reader.size(number as SegmentId) !== undefined, 'a counted segment is in a pack', number);
    const isGarbage = tables.garbage.get(number) !== undefined;
    assert(isGarbage === (count === 0), 'garbage is what has no references', number);
  }
}

/** Its id leads to it, its segments and blocks are stored, and its figures are those of its list. */
function checkConversation(
  tables: Tables,
  stringOf: StringOf,
  counts: RefCounts<SegmentId>,
  number: number,
): void {
  const record = tables.conversations.get(number);
  if (!record) return;
  const { conversation, list } = decodeManifest(record, stringOf);
  assert(new IdIndex(tables.ids).find(conversation.id) === number, 'an id leads to its conversation', number);
  const tail = scanMessages(list.tail, (id) =>
    assert((counts.get(id) ?? 0) > 0, 'a segment that is named has references', id),
  );
  let { messages, tokens } = tail;
  for (const block of decodeDirectory(list.directory)) {
    assert(tables.messageBlocks.get(block.id) !== undefined, 'a block that is named is stored', block.id);
    messages += block.messages;
    tokens += block.tokens;
  }
  assert(messages === conversation.messageCount, 'a header has the messages of its list', number);
  assert(tokens === conversation.totalTokens, 'a header has the tokens of its list', number);
}
