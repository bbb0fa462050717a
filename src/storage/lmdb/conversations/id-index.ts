import { entriesOfChunk } from '../tables/bounded-chunk.js';
import { KeyIndex, KeyIndexWriter } from '../tables/key-index.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import type { Table } from '../tables/table.js';
import type { ConversationNumber } from '../tables/ids.js';

/** Maps conversation ids to numbers, in the order of the ids' bytes. */
export class IdIndex {
  constructor(
    private readonly table: Table<Buffer>,
    private readonly index = new KeyIndex(table),
  ) {}

  find(id: string): ConversationNumber | undefined {
    return this.index.find(Buffer.from(id, 'utf8')) as ConversationNumber | undefined;
  }

  /**
   * Returns the ids of these conversations, if they are in the index. Reads all of it; used for damaged
   * conversations.
   */
  idsOf(numbers: ReadonlySet<number>): Map<ConversationNumber, string> {
    const ids = new Map<ConversationNumber, string>();
    for (const { key: chunk, value } of this.table.scan()) {
      for (const { key, number } of (value && undefinedIfCorrupt(() => entriesOfChunk(chunk, value))) ?? []) {
        if (numbers.has(number)) ids.set(number as ConversationNumber, key.toString('utf8'));
      }
    }
    return ids;
  }
}

/** The index as one write transaction changes it. Ends with flush(). */
export class IdIndexWriter extends IdIndex {
  readonly #writer: KeyIndexWriter;

  constructor(table: Table<Buffer>) {
    const writer = new KeyIndexWriter(table);
    super(table, writer);
    this.#writer = writer;
  }

  /** Inserts an id that is not in the index. */
  insert(id: string, number: ConversationNumber): void {
    this.#writer.insert(Buffer.from(id, 'utf8'), number);
  }

  remove(id: string): void {
    this.#writer.remove(Buffer.from(id, 'utf8'));
  }

  flush(): void {
    this.#writer.flush();
  }
}
