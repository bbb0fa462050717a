import type { Database } from 'lmdb';
import { fromLmdb } from './lmdb-errors.js';

/** Methods of LMDB's that a Table calls. */
type Calls = 'getBinaryFast' | 'getKeys' | 'getRange' | 'putSync' | 'removeSync' | 'getStats';

/**
 * Wraps a database of LMDB's so that damaged pages are CORRUPT_STORE, whatever LMDB's error is and wherever
 * they are met: all reads and writes of records pass here. `look` is called before each read, and throws if
 * the file may not be read. Methods take arguments by position, to avoid a closure for each read of a record.
 */
export function guardDatabase<K extends number | Buffer>(
  database: Database<Buffer, K>,
  look: () => void,
): Database<Buffer, K> {
  return new GuardedDatabase(database as unknown as Inner, look) as unknown as Database<Buffer, K>;
}

/** LMDB's methods as they are called here: keys and values pass through unchanged. */
type Inner = Readonly<Record<Calls, (one?: unknown, two?: unknown, three?: unknown) => unknown>>;

class GuardedDatabase implements Inner {
  constructor(
    private readonly inner: Inner,
    private readonly look: () => void,
  ) {}

  getBinaryFast(key: unknown, options: unknown): unknown {
    this.look();
    try {
      return this.inner.getBinaryFast(key, options);
    } catch (error) {
      throw fromLmdb(error);
    }
  }

  getKeys(range: unknown): Iterable<unknown> {
    return new GuardedIterable(this.inner.getKeys(range) as Iterable<unknown>, this.look);
  }

  getRange(range: unknown): Iterable<unknown> {
    return new GuardedIterable(this.inner.getRange(range) as Iterable<unknown>, this.look);
  }

  putSync(key: unknown, value: unknown, options?: unknown): unknown {
    try {
      return options === undefined ? this.inner.putSync(key, value) : this.inner.putSync(key, value, options);
    } catch (error) {
      throw fromLmdb(error);
    }
  }

  removeSync(key: unknown): unknown {
    try {
      return this.inner.removeSync(key);
    } catch (error) {
      throw fromLmdb(error);
    }
  }

  getStats(): unknown {
    this.look();
    try {
      return this.inner.getStats();
    } catch (error) {
      throw fromLmdb(error);
    }
  }
}

/** Iterates over another iterable, and closes it in the same way. */
class GuardedIterable<T> implements Iterable<T> {
  constructor(
    private readonly inner: Iterable<T>,
    private readonly look: () => void,
  ) {}

  [Symbol.iterator](): Iterator<T> {
    this.look();
    try {
      return new GuardedIterator(this.inner[Symbol.iterator](), this.look);
    } catch (error) {
      throw fromLmdb(error);
    }
  }
}

class GuardedIterator<T> implements Iterator<T> {
  constructor(
    private readonly inner: Iterator<T>,
    private readonly look: () => void,
  ) {}

  next(): IteratorResult<T> {
    this.look();
    try {
      return this.inner.next();
    } catch (error) {
      throw fromLmdb(error);
    }
  }

  return(value?: unknown): IteratorResult<T> {
    return this.inner.return?.(value) ?? { done: true, value: undefined };
  }
}
