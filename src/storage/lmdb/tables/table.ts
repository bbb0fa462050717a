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
 * those of one synchronous stretch see one state. Values are the caller's own, but for view().
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
    const view = this.view(key);
    if (!view) return undefined;
    // From Node's pool: small arrays of their own cost more than all the rest.
    const copy = Buffer.allocUnsafe(view.length);
    copy.set(view);
    return copy;
  }

  /** The value in memory that the next read of any table uses again. */
  view(key: K): Uint8Array | undefined {
    const reused = this.#reused(key);
    return reused && new Uint8Array(reused.buffer, reused.byteOffset, reused.length);
  }

  /** What `use` makes of the value, which is the first bytes of what it gets: without so much as a view of them. */
  read<T>(key: K, use: (bytes: Uint8Array, length: number) => T): T | undefined {
    const reused = this.#reused(key);
    return reused && use(reused, reused.length);
  }

  /** The entry with this key, or else the one before it. A key first, then its value: twice as fast as an entry. */
  floor(key: K): Entry<K> | undefined {
    return this.#entry(this.floorKey(key));
  }

  floorKey(key: K): K | undefined {
    return first(this.database.getKeys({ start: key, reverse: true, limit: 1, ...this.#options() }));
  }

  /** The least key that is above this one. */
  keyAfter(key: K): K | undefined {
    for (const next of this.database.getKeys({ start: key, limit: 2, ...this.#options() })) {
      if (isBefore(key, next)) return next;
    }
    return undefined;
  }

  last(): Entry<K> | undefined {
    return this.#entry(this.lastKey());
  }

  firstKey(): K | undefined {
    return first(this.database.getKeys({ limit: 1, ...this.#options() }));
  }

  lastKey(): K | undefined {
    return first(this.database.getKeys({ reverse: true, limit: 1, ...this.#options() }));
  }

  keys(): Iterable<K> {
    return this.database.getKeys({ ...this.#options() });
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
    const last = this.lastKey();
    if (last === undefined || isBefore(last, key)) this.append(key, value);
    else this.put(key, value);
  }

  remove(key: K): void {
    this.database.removeSync(key);
  }

  /** Removes all that there is. */
  clear(): void {
    for (const key of [...this.keys()]) this.remove(key);
  }

  pages(): number {
    return treePages(this.database.getStats());
  }

  count(): number {
    return (this.database.getStats() as { entryCount: number }).entryCount;
  }

  /** Pages that records stand in. */
  leafPages(): number {
    return (this.database.getStats() as { treeLeafPageCount: number }).treeLeafPageCount;
  }

  /** lmdb-js sets the reused buffer's length to the value's, and leaves its byteLength as it is. */
  #reused(key: K): Buffer | undefined {
    return (this.database as Reader<K>).getBinaryFast(key, this.#options());
  }

  #entry(key: K | undefined): Entry<K> | undefined {
    const value = key === undefined ? undefined : this.get(key);
    return key === undefined || !value ? undefined : { key, value };
  }

  #options(): { readonly transaction: Pin } | undefined {
    return this.pin && { transaction: this.pin };
  }
}

/** lmdb-js takes the options here too, though its types leave them out. */
interface Reader<K> {
  getBinaryFast(key: K, options: object | undefined): Buffer | undefined;
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}

function isBefore(a: number | Buffer, b: number | Buffer): boolean {
  return typeof a === 'number' || typeof b === 'number' ? a < b : Buffer.compare(a, b) < 0;
}

/** Pages of a B-tree, from what LMDB says of it. */
export function treePages(stats: object): number {
  const { treeBranchPageCount, treeLeafPageCount, overflowPages } = stats as Record<string, number>;
  return (treeBranchPageCount ?? 0) + (treeLeafPageCount ?? 0) + (overflowPages ?? 0);
}
