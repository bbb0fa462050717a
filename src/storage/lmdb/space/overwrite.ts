import { setTimeout as wait } from 'node:timers/promises';
import { StowkenError } from '../../../model/index.js';
import type { Overwritten, OverwriteOptions } from '../../contract/erasure.js';
import { BackgroundTurns } from '../../shared/background.js';
import { type Meta, META_PAGES, readNewestMeta } from '../data-file/meta-pages.js';
import { PageFile } from '../data-file/page-file.js';
import { PageDamage } from '../data-file/tree-page.js';
import { dataFileIn, type Environment } from '../tables/environment.js';
import { PAGE_BYTES } from '../tables/layout.js';
import { DataFileWriter } from './data-file-writer.js';
import { FreeList } from './free-list.js';
import { walkUsedPages } from './used-pages.js';

/** Writes of the vault that an overwriting needs. */
export interface SpaceWrites {
  /** Runs a task while no commit is under way. */
  between<T>(task: () => T | Promise<T>): Promise<T>;
  /** Commits a state without a change. */
  advance(): Promise<void>;
}

/** Time under the lock of writers after which others get their turn, in milliseconds. */
const SLICE_MS = 8;
const RETRY_MS = 50;
/** Pages that are overwritten together. */
const RUN_PAGES = 64;

/**
 * Overwrites every byte of a vault's data file that is not content of its newest state, while the vault is
 * served. State n is the one at the begin; what is in it stays.
 *
 * 1. State n is pinned. In its pages, the bytes that nothing reads are overwritten; LMDB does not write these
 *    pages while they are pinned. So are pages that are neither in use nor free, which it never writes.
 * 2. A commit is made, and readers of state n and before are waited for, so that all pages that are not in
 *    state n may be used again.
 * 3. Under the lock of writers, in slices, the pages that may be used again are overwritten, and those behind
 *    the last one. A page that was used again since has new content.
 * 4. What was overwritten is read once more before the lock is given back. Later it may be in use again: LMDB
 *    puts pages that it has freed since under transactions before n.
 *
 * Calls of one vault must not overlap.
 */
export async function overwriteUnused(
  environment: Environment,
  writes: SpaceWrites,
  { signal, waitMs }: OverwriteOptions,
): Promise<Overwritten> {
  const path = dataFileIn(environment.folder);
  const turns = new BackgroundTurns(signal);
  const deadlineMs = performance.now() + waitMs;
  const out = new DataFileWriter(path);
  try {
    const { freedBlocks } = environment.tables;
    // Parts of message lists that snapshots may have read: each commit removes some.
    do await writes.advance();
    while (!freedBlocks.isEmpty() && (await restUntil(deadlineMs, turns)));
    const hasFreed = !freedBlocks.isEmpty();
    const { meta, used } = await overwritePinned(environment, writes, out, turns);
    const isRead = () =>
      writes.between(() => environment.underWriteLock((oldestOf) => oldestOf(Infinity) <= meta.transaction));
    await writes.advance();
    while ((await isRead()) && (await restUntil(deadlineMs, turns)));
    const free = new FreeSpace(environment, writes, out, turns);
    const leftBytes = await free.pass();
    await out.sync();
    const isWhole = !hasFreed && !(await isRead());
    return {
      pagesInUse: used,
      pagesFree: free.pages,
      overwrittenBytes: out.overwrittenBytes,
      isComplete: isWhole && leftBytes === 0,
    };
  } catch (error) {
    if (error instanceof PageDamage)
      throw new StowkenError(
        'CORRUPT_STORE',
        `the data file is damaged: ${error.message}`,
        {},
        { cause: error },
      );
    throw error;
  } finally {
    out.close();
  }
}

/** Waits a moment. Returns false if the time is over. */
async function restUntil(deadlineMs: number, turns: BackgroundTurns): Promise<boolean> {
  if (performance.now() >= deadlineMs) return false;
  await turns.pause();
  await wait(RETRY_MS);
  return true;
}

/** Overwrites what is unused in the pages of the newest state, and pages that are lost. */
async function overwritePinned(
  environment: Environment,
  writes: SpaceWrites,
  out: DataFileWriter,
  turns: BackgroundTurns,
): Promise<{ readonly meta: Meta; readonly used: number }> {
  const pinned = await writes.between(() => {
    const pin = environment.pin();
    const file = PageFile.open(dataFileIn(environment.folder));
    return { file, meta: readNewestMeta(file), pin };
  });
  const { file, meta, pin } = pinned;
  try {
    const used = await walkUsedPages(file, meta, (from, to) => out.zero(from, to), turns);
    const free = new FreeList().read(file, meta, Infinity);
    const isLost = (page: number) => !used.has(page) && !free.has(page);
    for (let page = META_PAGES; page <= meta.lastPage; page += 1) {
      if (isLost(page)) out.zero(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      if (turns.due) await turns.pause();
    }
    await out.sync();
    return { meta, used: used.size };
  } finally {
    pin.release();
    file.close();
  }
}

/** Pages that LMDB may use again, in slices of one pass over the file. */
class FreeSpace {
  readonly #list = new FreeList();
  /** Free pages at the end of the last pass, and pages behind the last one. */
  pages = 0;

  constructor(
    private readonly environment: Environment,
    private readonly writes: SpaceWrites,
    private readonly out: DataFileWriter,
    private readonly turns: BackgroundTurns,
  ) {}

  /** Overwrites the pages; returns how many bytes of them are not zero afterwards. */
  async pass(): Promise<number> {
    this.pages = 0;
    let [next, bytes] = [META_PAGES, 0];
    for (;;) {
      const slice = await this.writes.between(() =>
        this.environment.underWriteLock((oldestOf) => this.#slice(oldestOf, next)),
      );
      bytes += slice.bytes;
      this.pages += slice.pages;
      if (slice.next === undefined) return bytes;
      next = slice.next;
      await this.turns.pause();
    }
  }

  #slice(oldestOf: (newest: number) => number, from: number) {
    const { environment, out } = this;
    const endMs = performance.now() + SLICE_MS;
    const file = PageFile.open(dataFileIn(environment.folder));
    try {
      const meta = readNewestMeta(file);
      // After a power cut, a vault that does not sync could go back to a state that uses these pages.
      if (!environment.syncs) out.syncNow();
      const free = this.#list.read(file, meta, oldestOf(meta.transaction));
      const isUnused = (page: number) => page > meta.lastPage || free.has(page);
      let [bytes, pages] = [0, 0];
      for (let page = from; page < file.pages;) {
        const first = page;
        while (page < file.pages && page - first < RUN_PAGES && isUnused(page)) page += 1;
        if (page === first) {
          page += 1;
          continue;
        }
        const [start, end] = [first * PAGE_BYTES, page * PAGE_BYTES];
        if (out.zero(start, end) > 0) bytes += out.zero(start, end, false);
        pages += page - first;
        if (performance.now() >= endMs) return { next: page, bytes, pages };
      }
      return { next: undefined, bytes, pages };
    } finally {
      file.close();
    }
  }
}
