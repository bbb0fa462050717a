import type { Database } from 'lmdb';
import { fromLmdb } from './lmdb-errors.js';

/** What a Table calls of LMDB's. */
type Calls = 'getBinaryFast' | 'getKeys' | 'getRange' | 'putSync' | 'removeSync' | 'getStats';

/**
 * A database of LMDB's in which damaged pages are CORRUPT_STORE, whatever LMDB calls them, and wherever they are met:
 * the one place that all reads and writes of records come through. Methods take arguments by position, without a
 * closure for each call, as each read of a record passes here.
 */
export function guardDatabase<K extends number | Buffer>(database: Database<Buffer, K>): Database<Buffer, K> {
  return new GuardedDatabase(database as unknown as Inner) as unknown as Database<Buffer, K>;
}

/** LMDB's methods as they are called here: keys and values pass through. */
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

/** Gives what another one gives, and lets go of it as that one does. */
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
