import { StowkenError } from '../model/index.js';
import type { Change, StorageBackend } from '../storage/index.js';
import { adds, type ChangeCheck } from './change-check.js';

/** Part of the quota below which writes resume. */
const RELEASED = 0.98;
/** Time for which the bytes in use are not looked up again. */
const lookMs = 200;

/**
 * Refuses changes that add something while a vault has more bytes in use than its quota. It looks a few times
 * a second, so a vault may end a little above its quota. Changes that only remove, and those of compaction,
 * are never refused.
 */
export class Quota implements ChangeCheck {
  #inUseBytes = 0;
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
    if (!quota || !adds(change)) return;
    const nowMs = performance.now();
    if (nowMs - this.#lookedMs >= lookMs) {
      this.#lookedMs = nowMs;
      this.#inUseBytes = (await this.stats()).inUseBytes;
    }
    this.#isFull = this.#inUseBytes >= (this.#isFull ? RELEASED : 1) * quota;
    if (!this.#isFull) return;
    throw new StowkenError(
      'VAULT_FULL',
      `the vault ${JSON.stringify(this.vault)} has ${this.#inUseBytes} bytes in use; its quota is ${quota}: ` +
        'delete conversations and collect garbage, or raise the quota',
      { size: String(this.#inUseBytes), limit: String(quota) },
    );
  }
}
