import { StowkenError } from '../model/index.js';
import type { Change, StorageBackend } from '../storage/index.js';
import { adds, type ChangeCheck } from './change-check.js';

/** Part of the quota below which writes resume. */
const RELEASED = 0.98;
/** Time for which the bytes in use are not looked up again while nothing is stored. */
const lookMs = 200;
/** Looks of one change: others may end between them. */
const looksMax = 3;
/** Bytes that a change is taken to need for indexes and keys, until they are looked up. */
const changeBytes = 4096;

/**
 * Refuses changes that add something while a vault has more bytes in use than its quota. Changes under way,
 * and those that have ended since the last look, count with the bytes of their content and metadata: a vault
 * ends above its quota by one change and its indexes. Changes that only remove, and those of compaction,
 * are never refused.
 */
export class Quota implements ChangeCheck {
  #inUseBytes = 0;
  #underWayBytes = 0;
  /** Bytes of changes that have ended, which the last look may have missed. */
  #endedBytes = 0;
  #looking: Promise<void> | undefined;
  #lookedMs = -Infinity;
  #isFull = false;

  constructor(
    private readonly vault: string,
    private readonly stats: StorageBackend['stats'],
    private readonly quotaBytes: () => number | undefined,
  ) {}

  /** @throws StowkenError VAULT_FULL */
  async check(change: Change): Promise<void> {
    const quota = this.quotaBytes();
    if (quota && adds(change)) {
      for (let looks = 0; looks < looksMax && this.#isUnsure(quota); looks += 1)
        await (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));
      this.#checkRoom(quota);
    }
    // Nothing waits between this and the check, so that changes which come at once see each other.
    this.#underWayBytes += bytesOf(change);
  }

  ended(change: Change): void {
    const bytes = bytesOf(change);
    this.#underWayBytes -= bytes;
    this.#endedBytes += bytes;
  }

  #isUnsure(quota: number): boolean {
    if (this.#looking || performance.now() - this.#lookedMs >= lookMs) return true;
    return !this.#isFull && this.#endedBytes > 0 && this.#countedBytes >= quota;
  }

  #checkRoom(quota: number): void {
    this.#isFull = this.#inUseBytes >= (this.#isFull ? RELEASED : 1) * quota;
    if (!this.#isFull && this.#countedBytes < quota) return;
    const beside = this.#isFull ? '' : ', and changes under way may need the rest';
    throw new StowkenError(
      'VAULT_FULL',
      `the vault ${JSON.stringify(this.vault)} has ${this.#inUseBytes} bytes in use${beside}; its quota is ${quota}: ` +
        'delete conversations and collect garbage, or raise the quota',
      { size: String(this.#inUseBytes), limit: String(quota) },
    );
  }

  get #countedBytes(): number {
    return this.#inUseBytes + this.#endedBytes + this.#underWayBytes;
  }

  async #look(): Promise<void> {
    const endedBefore = this.#endedBytes;
    this.#lookedMs = performance.now();
    this.#inUseBytes = (await this.stats()).inUseBytes;
    this.#endedBytes -= endedBefore;
  }
}

function bytesOf(change: Change): number {
  if (!adds(change)) return 0;
  const { newSegments = [], put, append, putTokenizer } = change;
  const segmentBytes = newSegments.reduce((sum, { frame }) => sum + frame.byteLength, 0);
  const prefixBytes = (put?.prefix ?? append?.prefix?.blocks)?.byteLength ?? 0;
  const tokenizerBytes = putTokenizer?.packed.byteLength ?? 0;
  return changeBytes + segmentBytes + prefixBytes + tokenizerBytes + metadataBytes(put?.spec.metadata ?? {});
}

function metadataBytes(metadata: Readonly<Record<string, string>>): number {
  const entries = Object.entries(metadata);
  return entries.reduce((sum, each) => sum + Buffer.byteLength(each[0]) + Buffer.byteLength(each[1]), 0);
}
