import type { Conversation } from '../../model/index.js';
import type { StorageBackend } from '../../storage/index.js';

/** Messages from which on a storage may look up segments before a put takes its place among others. */
const longMin = 512;

type Put = Pick<Conversation, 'storeTimeMs' | 'messageCount'>;

/**
 * Puts of a copy. The next one is sent after the last one, and need not wait for the disk, unless they would
 * take places in another order, which is that of the target's lists: a long one is prepared first, and in
 * PostgreSQL those of the same millisecond are listed as they were committed.
 */
export class PutOrder {
  #last: { readonly put: Put; readonly written: Promise<unknown> } | undefined;

  constructor(private readonly kind: StorageBackend['kind']) {}

  /** Resolves when a put may be sent. */
  async passed({ storeTimeMs }: Put): Promise<void> {
    const { put, written } = this.#last ?? {};
    if (!put) return;
    const isTie = this.kind === 'postgres' && put.storeTimeMs === storeTimeMs;
    // Its failure is reported by its sender.
    if (isTie || put.messageCount >= longMin) await written?.catch(() => {});
  }

  sent(put: Put, written: Promise<unknown>): void {
    this.#last = { put, written };
  }
}
