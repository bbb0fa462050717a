import type { Table } from '../tables/table.js';

/** Where the hash index's chunks begin. */
export interface ChunkKeys {
  /** Of the commit that they are of; undefined: of whatever is read. */
  readonly sequence: number | undefined;
  /** The greatest key that is not above this one. */
  floor(key: number): number | undefined;
  /** The least key that is above this one. */
  above(key: number): number | undefined;
}

/**
 * As the table has them, for who reads what another process writes: a directory in memory would be out of date with
 * every commit, and to read it anew costs as much as the vault is long.
 */
export class StoredChunkKeys implements ChunkKeys {
  readonly sequence = undefined;

  constructor(private readonly hashIndex: Table<number>) {}

  floor(key: number): number | undefined {
    return this.hashIndex.floorKey(key);
  }

  above(key: number): number | undefined {
    return this.hashIndex.keyAfter(key);
  }
}
