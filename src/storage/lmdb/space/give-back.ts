import { closeSync, fdatasyncSync, fstatSync, openSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { StowkenError } from '../../../model/index.js';
import type { DiskSpace, GiveBackOptions, GivenBack } from '../../contract/space.js';
import { META_PAGES, readNewestMeta } from '../data-file/meta-pages.js';
import { PageFile } from '../data-file/page-file.js';
import { PageDamage } from '../data-file/tree-page.js';
import { dataFileIn, type Environment } from '../tables/environment.js';
import { PAGE_BYTES } from '../tables/layout.js';
import { FreeList } from './free-list.js';
import { type HolePunch, HolesUnsupported, loadHolePunch } from './hole-punch.js';
import type { SpaceWrites } from './overwrite.js';

/** Time under the lock of writers after which others get their turn, and time between two turns. */
const SLICE_MS = 8;
const PAUSE_MS = 25;
/** Limit of one hole: the file system may wait for its own commit with each. */
const HOLE_PAGES = 256;
/** Shortest runs of free pages that become holes, in passes over the file: long ones first. */
const passes = [64, 8, 1] as const;
const BLOCK_BYTES = 512;

/**
 * Gives free pages of a vault's data file back to the file system while the vault is served: holes are made
 * under LMDB's lock of writers, in slices, in pages that LMDB itself could use again at that moment (see
 * FreeList). LMDB never reads a free page, and writes whole pages. A state that may come back after a power
 * cut does not have these pages either: so a vault that does not sync each commit is synced first.
 *
 * The file keeps its size; a page that is used again gets a block again.
 */
export class SpaceGiver {
  readonly #file: string;
  #unsupported: string | undefined;
  #punch: HolePunch | undefined;

  constructor(
    private readonly environment: Environment,
    private readonly writes: SpaceWrites,
  ) {
    this.#file = dataFileIn(environment.folder);
  }

  async space(): Promise<DiskSpace> {
    await this.#load();
    return {
      allocatedBytes: this.#allocatedBytes(),
      inUseBytes: this.environment.bytesInUse(),
      unsupported: this.#unsupported,
    };
  }

  /** Makes no hole where that is unsupported. Rejects with CANCELLED, CORRUPT_STORE, errors of the system. */
  async giveBack({ signal, factor }: GiveBackOptions): Promise<GivenBack> {
    const punch = await this.#load();
    if (!punch) return { bytes: 0, holes: 0 };
    const before = this.#allocatedBytes();
    const descriptor = openSync(this.#file, 'r+');
    let holes = 0;
    try {
      // Pages that the last commit has freed may be used again after the next one.
      await this.writes.advance();
      const list = new FreeList();
      for (const runPages of passes) {
        let next: number | undefined = META_PAGES;
        while (next !== undefined && this.#allocatedBytes() > factor * this.environment.bytesInUse()) {
          if (signal.aborted) throw new StowkenError('CANCELLED', 'the work was cancelled');
          const from: number = next;
          const slice = await this.writes.between(() =>
            this.environment.underWriteLock((oldestOf) =>
              this.#slice({ punch, descriptor, list, oldestOf, from, runPages }),
            ),
          );
          holes += slice.holes;
          next = slice.next;
          await wait(PAUSE_MS);
        }
      }
    } catch (error) {
      if (error instanceof HolesUnsupported) this.#unsupported = error.message;
      else if (error instanceof PageDamage) throw damaged(error);
      else throw error;
    } finally {
      closeSync(descriptor);
    }
    return { bytes: Math.max(0, before - this.#allocatedBytes()), holes };
  }

  async #load(): Promise<HolePunch | undefined> {
    if (this.#unsupported !== undefined) return undefined;
    if (this.#punch) return this.#punch;
    const loaded = await loadHolePunch();
    if (typeof loaded === 'string') this.#unsupported = loaded;
    else this.#punch = loaded;
    return this.#punch;
  }

  #allocatedBytes(): number {
    const descriptor = openSync(this.#file, 'r');
    try {
      return fstatSync(descriptor).blocks * BLOCK_BYTES;
    } finally {
      closeSync(descriptor);
    }
  }

  /** Makes holes from a page on; returns the page from which to go on, undefined at the end. */
  #slice({ punch, descriptor, list, oldestOf, from, runPages }: Slice) {
    const endMs = performance.now() + SLICE_MS;
    const file = PageFile.open(this.#file);
    try {
      const meta = readNewestMeta(file);
      if (!this.environment.syncs) fdatasyncSync(descriptor);
      const free = list.read(file, meta, oldestOf(meta.transaction));
      const isUnused = (page: number) => page > meta.lastPage || free.has(page);
      let holes = 0;
      for (let page = from; page < file.pages; page += 1) {
        if (!isUnused(page)) continue;
        const first = page;
        while (page < file.pages && isUnused(page)) page += 1;
        if (page - first < runPages) continue;
        for (let at = first; at < page; at += HOLE_PAGES) {
          const end = Math.min(page, at + HOLE_PAGES);
          if (!punch.punch(descriptor, at * PAGE_BYTES, end * PAGE_BYTES)) continue;
          holes += 1;
          if (performance.now() >= endMs) return { next: end, holes };
        }
      }
      return { next: undefined, holes };
    } finally {
      file.close();
    }
  }
}

interface Slice {
  readonly punch: HolePunch;
  readonly descriptor: number;
  readonly list: FreeList;
  readonly oldestOf: (newest: number) => number;
  readonly from: number;
  readonly runPages: number;
}

function damaged(error: PageDamage): StowkenError {
  return new StowkenError(
    'CORRUPT_STORE',
    `the data file is damaged: ${error.message}`,
    {},
    { cause: error },
  );
}
