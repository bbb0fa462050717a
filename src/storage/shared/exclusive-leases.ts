import type { ExclusiveLease } from '../contract/backend.js';

/** Exclusive leases of a vault that only this process writes: each is held until it is released. */
export class ExclusiveLeases {
  readonly #held = new Set<string>();

  /** See StorageBackend.tryLease. */
  async take(name: string): Promise<ExclusiveLease | undefined> {
    if (this.#held.has(name)) return undefined;
    this.#held.add(name);
    return { lost: new AbortController().signal, release: async () => void this.#held.delete(name) };
  }
}
