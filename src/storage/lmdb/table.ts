import type { Database } from 'lmdb';

export interface Entry<K> {
  readonly key: K;
  readonly value: Uint8Array;
}

export interface Range<K> {
  readonly start?: K;
  readonly end?: K;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** A consistent state to read, other than the current one; see Environment.pin. */
export type Pin = ReturnType<Database['useReadTransaction']>;

/**
 * A sorted table. Reads see the current state, or inside Environment.write what it has written so far;
 * those of one synchronous stretch see one state. Values are the caller's own.
 */
export class Table<K extends number | Buffer> {
  constructor(
    readonly name: string,
    private readonly database: Database<Buffer, K>,
    private readonly pin?: Pin,
  ) {}

  /** The same table as the pin sees it. */
  at(pin: Pin): Table<K> {
    return new Table(this.name, this.database, pin);
  }

  get(key: K): Uint8Array | undefined {
    return this.database.get(key, this.#options());
  }

  /** The entry with this key, or else the one before it. */
  floor(key: K): Entry<K> | undefined {
    for (const entry of this.range({ start: key, reverse: true, limit: 1 })) return entry;
    return undefined;
  }

  last(): Entry<K> | undefined {
    for (const entry of this.range({ reverse: true, limit: 1 })) return entry;
    return undefined;
  }

  /** Start is included, end is not. */
  range(range: Range<K> = {}): Iterable<Entry<K>> {
    return this.database.getRange({ ...range, ...this.#options() }) as Iterable<Entry<K>>;
  }

  put(key: K, value: Uint8Array): void {
    this.database.putSync(key, value as Buffer);
  }

  /** Puts a key above all others: pages fill up. */
  append(key: K, value: Uint8Array): void {
    this.database.putSync(key, value as Buffer, { append: true });
  }

  /** Puts a key that is new, and fills pages up when it is above all others. */
  putNew(key: K, value: Uint8Array): void {
    const last = this.last();
    if (!last || isBefore(last.key, key)) this.append(key, value);
    else this.put(key, value);
  }

  remove(key: K): void {
    this.database.removeSync(key);
  }

  pages(): number {
    return treePages(this.database.getStats());
  }

  #options(): object | undefined {
    return this.pin && { transaction: this.pin };
  }
}

function isBefore(a: number | Buffer, b: number | Buffer): boolean {
  return typeof a === 'number' || typeof b === 'number' ? a < b : Buffer.compare(a, b) < 0;
}

/** Pages of a B-tree, from what LMDB says of it. */
export function treePages(stats: object): number {
  const { treeBranchPageCount, treeLeafPageCount, overflowPages } = stats as Record<string, number>;
  return (treeBranchPageCount ?? 0) + (treeLeafPageCount ?? 0) + (overflowPages ?? 0);
}
