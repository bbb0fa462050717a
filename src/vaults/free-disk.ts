import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { limits, StowkenError } from '../model/index.js';
import type { Change } from '../storage/index.js';
import { adds, type ChangeCheck } from './change-check.js';

/** Space of a file system, as far as this process may use it. */
export interface FileSystemSpace {
  readonly bytes: number;
  readonly freeBytes: number;
}

export interface FreeDiskState {
  readonly freeBytes: number;
  /** Free space below which changes that add something are refused; 0: none is. */
  readonly floorBytes: number;
  readonly isLow: boolean;
}

export interface FreeDiskOptions {
  /** Floor in bytes; "auto": a part of the disk, and a bound. 0: changes are never refused. */
  readonly floor: number | 'auto';
  /** Reads the space. */
  readonly read: () => Promise<FileSystemSpace>;
  /** Called when changes begin, or cease, to be refused. */
  readonly onChange: (state: FreeDiskState) => void;
}

/** Returns the space of the file system that has a folder, or will have it when the folder is made. */
export async function spaceOf(folder: string): Promise<FileSystemSpace> {
  try {
    const { blocks, bavail, bsize } = await statfs(folder);
    return { bytes: blocks * bsize, freeBytes: bavail * bsize };
  } catch (error) {
    const parent = dirname(resolve(folder));
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === folder) throw error;
    return spaceOf(parent);
  }
}

/**
 * Refuses changes that add something while the disk has less free space than a floor, and until it has a
 * margin more. What is left below the floor is for deletions, collection and compaction: the store writes new
 * pages for them before it frees old ones. It looks a few times a second while there are changes, so the free
 * space may end a little below the floor.
 */
export class FreeDisk implements ChangeCheck {
  #freeBytes: number;
  #isLow = false;
  #lookedMs = -Infinity;
  #looking: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;

  private constructor(
    readonly floorBytes: number,
    freeBytes: number,
    private readonly options: FreeDiskOptions,
  ) {
    this.#freeBytes = freeBytes;
    // Notices between changes too that there is room again.
    this.#timer = setInterval(() => void this.#look(), limits.diskIdleLookMs).unref();
  }

  static async open(options: FreeDiskOptions): Promise<FreeDisk> {
    const { bytes, freeBytes } = await options.read();
    const part = Math.floor((bytes * limits.diskFreePercentDefault) / 100);
    const floor = options.floor === 'auto' ? Math.min(part, limits.diskFreeBytesDefault) : options.floor;
    const disk = new FreeDisk(floor, freeBytes, options);
    await disk.#look();
    return disk;
  }

  get state(): FreeDiskState {
    return { freeBytes: this.#freeBytes, floorBytes: this.floorBytes, isLow: this.#isLow };
  }

  /** @throws StowkenError DISK_FULL */
  async check(change: Change): Promise<void> {
    if (adds(change)) await this.assertRoom();
  }

  /** @throws StowkenError DISK_FULL */
  async assertRoom(): Promise<void> {
    if (this.floorBytes === 0) return;
    if (performance.now() - this.#lookedMs >= limits.diskLookMs) await this.#look();
    if (!this.#isLow) return;
    throw new StowkenError(
      'DISK_FULL',
      `the disk has ${this.#freeBytes} bytes free, and the server stores nothing new below ${this.floorBytes} ` +
        `(--min-free-disk), nor again before ${this.#releaseBytes} are free: make room on the disk; ` +
        'deletions, garbage collection and compaction still work',
      { size: String(this.#freeBytes), limit: String(this.floorBytes) },
    );
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get #releaseBytes(): number {
    return Math.ceil((this.floorBytes * limits.diskReleasePercent) / 100);
  }

  /** Looks once for all who ask meanwhile. If the system cannot say, the last answer stays. */
  #look(): Promise<void> {
    return (this.#looking ??= (async () => {
      const { freeBytes } = await this.options.read().catch(() => ({ freeBytes: this.#freeBytes }));
      this.#freeBytes = freeBytes;
      this.#lookedMs = performance.now();
      this.#looking = undefined;
      const wasLow = this.#isLow;
      this.#isLow = freeBytes < (wasLow ? this.#releaseBytes : this.floorBytes);
      if (wasLow !== this.#isLow) this.options.onChange(this.state);
    })());
  }
}
