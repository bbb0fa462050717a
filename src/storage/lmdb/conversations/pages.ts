import { ByteReader, ByteWriter } from '../../bytes.js';
import type { Tables } from '../tables/environment.js';
import { FREED_PAGES_PER_COMMIT } from '../tables/layout.js';
import { numberKey, numberOfKey } from '../tables/number-key.js';
import { RefCounts } from '../segments/ref-counts.js';
import type { State } from '../tables/state.js';
import { readPage } from './stored-list.js';

type PageTables = Pick<Tables, 'pages' | 'pageCounts' | 'bigPageCounts' | 'freedPages'>;

/**
 * Pages of message lists, and how many manifests name each. A page that none names any more stays for as long
 * as a snapshot may read it: it waits under the number of the commit that freed it. Of one write transaction.
 */
export class Pages {
  readonly #counts: RefCounts;
  readonly #freed: number[] = [];

  constructor(
    private readonly tables: PageTables,
    private readonly state: State,
  ) {
    this.#counts = new RefCounts(tables.pageCounts, tables.bigPageCounts);
  }

  /** Stores a page that one manifest names. */
  add(list: Uint8Array): number {
    const id = this.state.nextPage++;
    this.tables.pages.append(id, list);
    this.#counts.set(id, 1);
    return id;
  }

  /** @throws StowkenError CORRUPT_STORE */
  read(id: number): Uint8Array {
    return readPage(this.tables.pages, id);
  }

  /** One manifest more names it. */
  hold(id: number): void {
    const count = this.#counts.get(id);
    if (count === undefined) throw this.tables.pageCounts.corrupt(id, 'is missing: a list names the page');
    this.#counts.set(id, count + 1);
  }

  /** One manifest less names it; says whether none does now: what it names is to be released then. */
  release(id: number): boolean {
    const count = (this.#counts.get(id) ?? 1) - 1;
    this.#counts.set(id, count);
    if (count === 0) this.#freed.push(id);
    return count === 0;
  }

  /** Takes away some of the pages that were freed at `sequenceMax` or before, and writes what was held back. */
  flush(sequenceMax: number): void {
    this.#clear(sequenceMax);
    if (this.#freed.length > 0) {
      const ids = this.#freed.splice(0).sort((a, b) => a - b);
      this.tables.freedPages.append(numberKey(this.state.commitSequence), encodeFreedPages(ids));
    }
    this.#counts.flush();
  }

  #clear(sequenceMax: number): void {
    const { pages, freedPages } = this.tables;
    for (let room = FREED_PAGES_PER_COMMIT; room > 0;) {
      const key = freedPages.firstKey();
      if (key === undefined || numberOfKey(key) > sequenceMax) return;
      const ids = decodeFreedPages(freedPages.get(key) ?? new Uint8Array(0));
      for (const id of ids.slice(0, room)) {
        pages.remove(id);
        this.#counts.set(id, undefined);
      }
      if (ids.length > room) freedPages.put(key, encodeFreedPages(ids.slice(room)));
      else freedPages.remove(key);
      room -= ids.length;
    }
  }
}

/** Ascending ids: varint distances. */
export function encodeFreedPages(ids: readonly number[]): Uint8Array {
  const writer = new ByteWriter();
  let before = 0;
  for (const id of ids) {
    writer.varint(id - before);
    before = id;
  }
  return writer.finish();
}

export function decodeFreedPages(record: Uint8Array): number[] {
  const reader = new ByteReader(record);
  const ids: number[] = [];
  for (let id = 0; !reader.atEnd;) ids.push((id += reader.varint()));
  return ids;
}
