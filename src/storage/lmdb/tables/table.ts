import type { Database } from 'lmdb';
import { StowkenError } from '../../../model/index.js';
import { RecordChecksum, valueBytesOf } from './checksum.js';

export interface Entry<K> {
  readonly key: K;
  readonly value: Uint8Array;
}

/** A record that was found, whether or not it has its checksum. */
export type Found<K> = (Entry<K> & { readonly damage: undefined }) | DamagedEntry<K>;

export interface DamagedEntry<K> {
  readonly key: K;
  readonly value: undefined;
  readonly damage: StowkenError;
}

/** A value that nobody has vouched for where `damage` is set. */
export interface Unchecked {
  readonly value: Uint8Array;
  readonly damage: StowkenError | undefined;
}

export interface Range<K> {
  readonly start?: K;
  readonly end?: K;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** A consistent state to read, other than the current one; see Environment.pin. */
export type Pin = ReturnType<Database['useReadTransaction']>;

/** Longest beginning of a key that an error quotes. */
const QUOTED_KEY_BYTES = 32;

/**
 * A sorted table. Reads see the current state, or inside Environment.write what it has written so far;
 * those of one synchronous stretch see one state. Values are the caller's own, but for view().
 *
 * Every value is stored with a checksum, which every read compares and takes off: what is given out is what was put
 * under this key of this table, or else the read throws CORRUPT_STORE.
 */
export class Table<K extends number | Buffer> {
  readonly #checksum: RecordChecksum;

  constructor(
    readonly name: string,
    private readonly database: Database<Buffer, K>,
    private readonly pin?: Pin,
  ) {
    this.#checksum = new RecordChecksum(name);
  }

  /** The same table as the pin sees it. */
  at(pin: Pin): Table<K> {
    return new Table(this.name, this.database, pin);
  }

  /** @throws StowkenError CORRUPT_STORE */
  get(key: K): Uint8Array | undefined {
    const reused = this.#reused(key);
    return reused && copyOf(reused, this.#open(key, reused));
  }

  /** The value in memory that the next read of any table uses again. @throws StowkenError CORRUPT_STORE */
  view(key: K): Uint8Array | undefined {
    const reused = this.#reused(key);
    return reused && new Uint8Array(reused.buffer, reused.byteOffset, this.#open(key, reused));
  }

  /**
   * What `use` makes of the value, which is the first bytes of what it gets: without so much as a view of them.
   * @throws StowkenError CORRUPT_STORE
   */
  read<T>(key: K, use: (bytes: Uint8Array, length: number) => T): T | undefined {
    const reused = this.#reused(key);
    return reused && use(reused, this.#open(key, reused));
  }

  /** The value whether or not it has its checksum: for those who tell damage in another way, or leave it as it is. */
  unchecked(key: K): Unchecked | undefined {
    const reused = this.#reused(key);
    if (!reused) return undefined;
    const whole = this.#checksum.open(key, reused, reused.length) >= 0;
    const value = copyOf(reused, valueBytesOf(reused.length));
    return { value, damage: whole ? undefined : this.#withoutChecksum(key) };
  }

  /**
   * The entry with this key, or else the one before it. A key first, then its value: twice as fast as an entry.
   * @throws StowkenError CORRUPT_STORE
   */
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

  /** The greatest key that is below this one. */
  keyBefore(key: K): K | undefined {
    for (const before of this.database.getKeys({ start: key, reverse: true, limit: 2, ...this.#options() })) {
      if (isBefore(before, key)) return before;
    }
    return undefined;
  }

  /** @throws StowkenError CORRUPT_STORE */
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

  /** Start is included, end is not. @throws StowkenError CORRUPT_STORE at the first record that is damaged */
  *range(range: Range<K> = {}): Generator<Entry<K>, void, void> {
    for (const entry of this.scan(range)) {
      if (entry.damage) throw entry.damage;
      yield entry;
    }
  }

  /**
   * The same for those who step over records that are damaged, or name them.
   * @throws StowkenError CORRUPT_STORE where keys do not follow one another: pages of the file are then damaged
   */
  *scan(range: Range<K> = {}): Generator<Found<K>, void, void> {
    let before: K | undefined;
    const found = this.database.getRange({ ...range, ...this.#options() }) as Iterable<Entry<K>>;
    for (const { key, value: stored } of found) {
      if (before !== undefined && !(range.reverse ? isBefore(key, before) : isBefore(before, key)))
        throw this.corrupt(key, 'does not follow the one before it');
      before = key;
      const length = this.#checksum.open(key, stored, stored.length);
      if (length >= 0) yield { key, value: stored.subarray(0, length), damage: undefined };
      else yield { key, value: undefined, damage: this.#withoutChecksum(key) };
    }
  }

  put(key: K, value: Uint8Array): void {
    this.database.putSync(key, this.#checksum.seal(key, value));
  }

  /** Puts a key above all others: pages fill up. @throws StowkenError CORRUPT_STORE where it is not above them */
  append(key: K, value: Uint8Array): void {
    // Its types leave out that it says so.
    const done = this.database.putSync(key, this.#checksum.seal(key, value), { append: true }) as unknown;
    if (done === false) throw this.corrupt(key, 'is not above all others');
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

  /**
   * True if there is no record, as the table's tree says, which is checked when the vault is opened. A cursor that finds
   * nothing on a damaged page says the same of a table that has many.
   */
  isEmpty(): boolean {
    if (this.firstKey() !== undefined) return false;
    return this.pin !== undefined || (this.database.getStats() as { treeDepth: number }).treeDepth === 0;
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

  /** The length of the value in it. */
  #open(key: K, reused: Buffer): number {
    const length = this.#checksum.open(key, reused, reused.length);
    if (length < 0) throw this.#withoutChecksum(key);
    return length;
  }

  #entry(key: K | undefined): Entry<K> | undefined {
    if (key === undefined) return undefined;
    const value = this.get(key);
    // The key was found a moment ago.
    if (!value) throw this.corrupt(key, 'is found and cannot be read');
    return { key, value };
  }

  #options(): { readonly transaction: Pin } | undefined {
    return this.pin && { transaction: this.pin };
  }

  #withoutChecksum(key: K): StowkenError {
    return this.corrupt(key, 'does not have its checksum');
  }

  /** For a record that contradicts others, or is not there though others say that it is. */
  corrupt(key: K, what: string): StowkenError {
    const quoted = typeof key === 'number' ? String(key) : key.toString('hex', 0, QUOTED_KEY_BYTES);
    return new StowkenError('CORRUPT_STORE', `the record ${quoted} of ${this.name} ${what}`, {
      table: this.name,
      key: quoted,
    });
  }
}

/** lmdb-js takes the options here too, though its types leave them out. */
interface Reader<K> {
  getBinaryFast(key: K, options: object | undefined): Buffer | undefined;
}

/** From Node's pool: small arrays of their own cost more than all the rest. */
function copyOf(reused: Buffer, length: number): Uint8Array {
  const copy = Buffer.allocUnsafe(length);
  copy.set(new Uint8Array(reused.buffer, reused.byteOffset, length));
  return copy;
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
