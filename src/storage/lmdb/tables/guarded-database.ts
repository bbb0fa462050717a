import type { Database } from 'lmdb';
import { fromLmdb } from './lmdb-errors.js';

/** Methods of LMDB's that a Table calls. */
type Calls = 'getBinaryFast' | 'getKeys' | 'getRange' | 'putSync' | 'removeSync' | 'getStats';

/**
 * Wraps a database of LMDB's so that damaged pages are CORRUPT_STORE, whatever LMDB's error is and wherever
 * they are met: all reads and writes of records pass here. Methods take arguments by position, to avoid a
 * closure for each read of a record.
 */
export function guardDatabase<K extends number | Buffer>(database: Database<Buffer, K>): Database<Buffer, K> {
  return new GuardedDatabase(database as unknown as Inner) as unknown as Database<Buffer, K>;
}

/** LMDB's methods as they are called here: keys and values pass through unchanged. */
type Inner = Readonly<Record<Calls, (one?: unknown, two?: unknown, three?: unknown) => unknown>>;

class GuardedDatabase implements Inner {
  constructor(private readonly inner: Inner) {}

  getBinaryFast(key: unknown, options: unknown): unknown {
    try {
      return this.inner.getBinaryFast(key, options);
    } catch (error) {
      throw fromLmdb(error);
    }
  }

  getKeys(range: unknown): Iterable<unknown> {
    return new GuardedIterable(this.inner.getKeys(range) as Iterable<unknown>);
  }

  getRange(range: unknown): Iterable<unknown> {
    return new GuardedIterable(this.inner.getRange(range) as Iterable<unknown>);
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
    try {
      return this.inner.getStats();
    } catch (error) {
      throw fromLmdb(error);
    }
  }
}

/** Iterates over another iterable, and closes it in the same way. */
class GuardedIterable<T> implements Iterable<T> {
  constructor(private readonly inner: Iterable<T>) {}

  [Symbol.iterator](): Iterator<T> {
    try {
      return new GuardedIterator(this.inner[Symbol.iterator]());
    } catch (error) {
      throw fromLmdb(error);
    }
  }
}

class GuardedIterator<T> implements Iterator<T> {
  constructor(private readonly inner: Iterator<T>) {}

  next(): IteratorResult<T> {
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
