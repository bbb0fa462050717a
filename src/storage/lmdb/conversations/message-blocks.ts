import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import { chunkOf, RefCounts } from '../segments/ref-counts.js';
import type { Tables } from '../tables/environment.js';
import { FREED_BLOCKS_PER_COMMIT } from '../tables/layout.js';
import type { State } from '../tables/meta.js';
import { numberKey, numberOfKey } from '../tables/table-keys.js';
import type { BlockId } from '../tables/ids.js';
import { readBlock } from './stored-list.js';

type BlockTables = Pick<Tables, 'meta' | 'messageBlocks' | 'blockCounts' | 'bigBlockCounts' | 'freedBlocks'>;

/**
 * Number of the commit that freed the oldest blocks that still wait to be removed: Infinity if none wait,
 * undefined if it is not known. Kept between transactions, which need not look for such blocks.
 */
export class OldestFreed {
  sequence: number | undefined;
}

/**
 * Blocks of message lists, and how many manifests name each, in one write transaction. A block that no
 * manifest names stays for as long as a snapshot may read it: it waits under the number of the commit that
 * freed it.
 */
export class MessageBlocks {
  readonly #counts: RefCounts<BlockId>;
  readonly #freed: BlockId[] = [];
  /** See OldestFreed; as of this transaction. */
  #oldestFreed: number | undefined;

  constructor(
    private readonly tables: BlockTables,
    private readonly state: State,
    private readonly oldest: OldestFreed,
  ) {
    const { nextBlock } = state;
    this.#counts = new RefCounts(tables.blockCounts, tables.bigBlockCounts, () => nextBlock);
    this.#oldestFreed = oldest.sequence;
  }

  /** Stores a block that one manifest names. */
  add(list: Uint8Array): BlockId {
    const id = this.state.nextBlock++ as BlockId;
    this.tables.messageBlocks.append(id, list);
    this.#counts.set(id, 1);
    return id;
  }

  /** @throws StowkenError CORRUPT_STORE */
  read(id: BlockId): Uint8Array {
    return readBlock(this.tables.messageBlocks, id);
  }

  /** Adds a manifest as a holder. @throws StowkenError CORRUPT_STORE */
  hold(id: BlockId): void {
    const count = this.#counts.get(id);
    const chunk = chunkOf(id);
    if (count === undefined)
      throw this.tables.blockCounts.corrupt(chunk, `has no count of block ${id}, which a list names`);
    // It waits to be removed.
    if (count === 0) throw this.tables.blockCounts.miscounted(chunk, `counts too few holders of block ${id}`);
    this.#counts.set(id, count + 1);
  }

  /**
   * Removes a manifest as a holder. Returns whether it was the last: then the block's references are to be
   * released.
   * @throws StowkenError CORRUPT_STORE if no holder is left to be removed
   */
  release(id: BlockId): boolean {
    const count = this.#counts.get(id);
    // Lost with a damaged page of the file, and not counted since a repair: nothing is there to be freed.
    if (count === undefined) return false;
    if (count === 0)
      throw this.tables.blockCounts.miscounted(chunkOf(id), `counts too few holders of block ${id}`);
    this.#counts.set(id, count - 1);
    if (count === 1) this.#freed.push(id);
    return count === 1;
  }

  /** Removes some of the blocks that were freed at `sequenceMax` or before, and writes buffered changes. */
  flush(sequenceMax: number): void {
    this.#clear(sequenceMax);
    if (this.#freed.length > 0) {
      const ids = this.#freed.splice(0).sort((a, b) => a - b);
      const { commitSequence } = this.state;
      this.tables.freedBlocks.append(numberKey(commitSequence), encodeFreedBlocks(ids));
      if (this.#oldestFreed === Infinity) this.#oldestFreed = commitSequence;
    }
    this.#counts.flush(this.state.nextBlock);
  }

  /** Updates what is kept between transactions, after the commit. */
  committed(): void {
    this.oldest.sequence = this.#oldestFreed;
  }

  #clear(sequenceMax: number): void {
    const { messageBlocks, freedBlocks } = this.tables;
    if (this.#oldestFreed !== undefined && this.#oldestFreed > sequenceMax) return;
    this.#oldestFreed = undefined;
    for (let room = FREED_BLOCKS_PER_COMMIT; room > 0;) {
      const key = freedBlocks.firstKey();
      const sequence = key === undefined ? Infinity : numberOfKey(key);
      if (key === undefined || sequence > sequenceMax) {
        this.#oldestFreed = sequence;
        return;
      }
      const record = freedBlocks.get(key);
      if (!record) throw freedBlocks.corrupt(key, 'is found and cannot be read');
      const ids = decodeFreedBlocks(record);
      for (const id of ids.slice(0, room)) {
        if (this.#counts.get(id) !== 0)
          throw freedBlocks.miscounted(key, `has block ${id}, which does not count as without a holder`);
        messageBlocks.remove(id);
        this.#counts.set(id, undefined);
      }
      if (ids.length > room) freedBlocks.put(key, encodeFreedBlocks(ids.slice(room)));
      else freedBlocks.remove(key);
      room -= ids.length;
    }
  }
}

/** Encodes ascending ids as varint distances. */
export function encodeFreedBlocks(ids: readonly BlockId[]): Uint8Array {
  const writer = new ByteWriter();
  let before = 0;
  for (const id of ids) {
    writer.varint(id - before);
    before = id;
  }
  return writer.finish();
}

export function decodeFreedBlocks(record: Uint8Array): BlockId[] {
  const reader = new ByteReader(record);
  const ids: BlockId[] = [];
  for (let id = 0; !reader.atEnd;) ids.push((id += reader.varint()) as BlockId);
  return ids;
}
