import type { Database } from 'lmdb';
import { StowkenError } from '../../../model/index.js';
import { RecordChecksum, valueBytesOf } from './checksum.js';
import { ChunkHints } from './chunk-hints.js';

export interface Entry<K> {
  readonly key: K;
  readonly value: Uint8Array;
}

/** A record that was found, whether or not its checksum is right. */
export type Found<K> = (Entry<K> & { readonly damage: undefined }) | DamagedEntry<K>;

export interface DamagedEntry<K> {
  readonly key: K;
  readonly value: undefined;
  readonly damage: StowkenError;
}

/** A value that is not verified if `damage` is set. */
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

/** Records of one table, as LMDB has them. */
export type TableDatabase<K extends number | Buffer> = Database<Buffer, K>;

/** A consistent state to read, other than the current one; see Environment.pin. */
export type Pin = ReturnType<Database['useReadTransaction']>;

/** Limit of the beginning of a key that an error quotes. */
const QUOTED_KEY_BYTES = 32;

/**
 * A sorted table. Reads see the current state, or inside Environment.write its changes so far; those of one
 * synchronous stretch see one state. Values belong to the caller, except those of view().
 *
 * Every value is stored with a checksum, which every read compares and removes: a returned value is the one
 * that was put under this key of this table, or else the read throws CORRUPT_STORE.
 */
export class Table<K extends number | Buffer> {
  /** Keys that are written or removed are added to it, if it is set. */
  written: Set<K> | undefined;
  readonly #checksum: RecordChecksum;

  constructor(
    readonly name: string,
    private readonly database: Database<Buffer, K>,
    private readonly pin?: Pin,
    /** For tables that are key indexes. */
    readonly hints = new ChunkHints(),
  ) {
    this.#checksum = new RecordChecksum(name);
  }

  /** Returns the same table as the pin sees it. */
  at(pin: Pin): Table<K> {
    return new Table(this.name, this.database, pin, this.hints);
  }

  /** @throws StowkenError CORRUPT_STORE */
  get(key: K): Uint8Array | undefined {
    const reused = this.#reused(key);
    return reused && copyOf(reused, this.#open(key, reused));
  }

  /**
   * Returns the value in memory that the next read of any table reuses.
   * @throws StowkenError CORRUPT_STORE
   */
  view(key: K): Uint8Array | undefined {
    const reused = this.#reused(key);
    return reused && new Uint8Array(reused.buffer, reused.byteOffset, this.#open(key, reused));
  }

  /**
   * Returns the result of `use`, which gets the value as the first bytes of a buffer, without the cost of a
   * view.
   * @throws StowkenError CORRUPT_STORE
   */
  read<T>(key: K, use: (bytes: Uint8Array, length: number) => T): T | undefined {
    const reused = this.#reused(key);
    return reused && use(reused, this.#open(key, reused));
  }

  has(key: K): boolean {
    return this.#reused(key) !== undefined;
  }

  /** Returns a copy of the value with its checksum, which is not compared. */
  stored(key: K): Uint8Array | undefined {
    const reused = this.#reused(key);
    return reused && copyOf(reused, reused.length);
  }

  /** True if exactly these bytes are stored, checksum included. */
  isStoredAs(key: K, stored: Uint8Array): boolean {
    const reused = this.#reused(key);
    if (reused?.length !== stored.length) return false;
    return Buffer.compare(new Uint8Array(reused.buffer, reused.byteOffset, reused.length), stored) === 0;
  }

  /** Returns a view of the value in what stored() returned. @throws StowkenError CORRUPT_STORE */
  open(key: K, stored: Uint8Array): Uint8Array {
    const length = this.#checksum.open(key, stored, stored.length);
    if (length < 0) throw this.#withoutChecksum(key);
    return stored.subarray(0, length);
  }

  /**
   * Returns the value whether or not its checksum is right: for callers that detect damage in another way, or
   * do not change it.
   */
  unchecked(key: K): Unchecked | undefined {
    const reused = this.#reused(key);
    if (!reused) return undefined;
    const whole = this.#checksum.open(key, reused, reused.length) >= 0;
    const value = copyOf(reused, valueBytesOf(reused.length));
    return { value, damage: whole ? undefined : this.#withoutChecksum(key) };
  }

  /**
   * Returns the entry with this key, or else the one before it. Reads a key first, then its value, which is
   * twice as fast as an entry.
   * @throws StowkenError CORRUPT_STORE
   */
  floor(key: K): Entry<K> | undefined {
    return this.#entry(this.floorKey(key));
  }

  /**
   * Returns the greatest key that is not above this one. A damaged page may lead the search to a record above
   * it, which may be whole.
   * @throws StowkenError CORRUPT_STORE
   */
  floorKey(key: K): K | undefined {
    const floor = first(this.database.getKeys({ start: key, reverse: true, limit: 1, ...this.#options() }));
    if (floor !== undefined && isBefore(key, floor))
      throw this.corrupt(floor, 'is found by a search below it');
    return floor;
  }

  /** Returns the least key that is above this one. */
  keyAfter(key: K): K | undefined {
    for (const next of this.database.getKeys({ start: key, limit: 2, ...this.#options() })) {
      if (isBefore(key, next)) return next;
    }
    return undefined;
  }

  /** Returns the greatest key that is below this one. */
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

  keys(range: Range<K> = {}): Iterable<K> {
    return this.database.getKeys({ ...range, ...this.#options() });
  }

  /**
   * Yields a range; the start is included, the end is not.
   * @throws StowkenError CORRUPT_STORE at the first damaged record
   */
  *range(range: Range<K> = {}): Generator<Entry<K>, void, void> {
    for (const entry of this.scan(range)) {
      if (entry.damage) throw entry.damage;
      yield entry;
    }
  }

  /**
   * Yields a range for callers that skip or report damaged records.
   * @throws StowkenError CORRUPT_STORE if keys are out of order: pages of the file are then damaged
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
    this.written?.add(key);
    this.database.putSync(key, this.#checksum.seal(key, value));
  }

  /**
   * Puts a key above all others, so that pages are filled up.
   * @throws StowkenError CORRUPT_STORE if it is not above them
   */
  append(key: K, value: Uint8Array): void {
    this.written?.add(key);
    // lmdb-js's types leave out its result.
    const done = this.database.putSync(key, this.#checksum.seal(key, value), { append: true }) as unknown;
    if (done === false) throw this.corrupt(key, 'is not above all others');
  }

  /** Puts a record that is not in the table. */
  putNew(key: K, value: Uint8Array): void {
    const last = this.lastKey();
    if (last === undefined || isBefore(last, key)) this.append(key, value);
    else this.put(key, value);
  }

  remove(key: K): void {
    this.written?.add(key);
    this.database.removeSync(key);
  }

  /** Removes all records. */
  clear(): void {
    for (const key of [...this.keys()]) this.remove(key);
  }

  pages(): number {
    return treePages(this.database.getStats());
  }

  /**
   * True if there is no record, by the table's tree, which is checked when the vault is opened. A cursor that
   * finds nothing on a damaged page would report the same for a table with many records.
   */
  isEmpty(): boolean {
    if (this.firstKey() !== undefined) return false;
    return this.pin !== undefined || (this.database.getStats() as { treeDepth: number }).treeDepth === 0;
  }

  count(): number {
    return (this.database.getStats() as { entryCount: number }).entryCount;
  }

  /** Returns the number of leaf pages of the table's tree. */
  leafPages(): number {
    return (this.database.getStats() as { treeLeafPageCount: number }).treeLeafPageCount;
  }

  /** Returns the number of the tree's pages that have no part of a long value. */
  ownPages(): number {
    const { overflowPages } = this.database.getStats() as { overflowPages: number };
    return this.pages() - overflowPages;
  }

  /** lmdb-js sets the reused buffer's length to the value's, and leaves its byteLength unchanged. */
  #reused(key: K): Buffer | undefined {
    return (this.database as Reader<K>).getBinaryFast(key, this.#options());
  }

  /** Returns the length of the value in the reused buffer. @throws StowkenError CORRUPT_STORE */
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

  /** Error for counts and figures that contradict other records. A repair counts again. */
  miscounted(key: K, what: string): StowkenError {
    return this.corrupt(key, `${what}: run stowken verify --repair`);
  }

  /** Error for a record that contradicts others, or is missing although others refer to it. */
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

/** Bytes that are copied faster one by one than through a view of them. */
const FEW_BYTES = 48;

/** Allocated in Node's pool: small arrays of their own cost more than everything else. */
function copyOf(reused: Buffer, length: number): Uint8Array {
  const copy = Buffer.allocUnsafe(length);
  if (length <= FEW_BYTES) {
    for (let at = 0; at < length; at++) copy[at] = reused[at]!;
    return copy;
  }
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

/** Returns the pages of a B-tree, from LMDB's statistics. */
export function treePages(stats: object): number {
  const { treeBranchPageCount, treeLeafPageCount, overflowPages } = stats as Record<string, number>;
  return (treeBranchPageCount ?? 0) + (treeLeafPageCount ?? 0) + (overflowPages ?? 0);
}
