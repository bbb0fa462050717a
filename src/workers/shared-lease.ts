import { OpenReaders } from '../storage/index.js';

interface Held {
  readers: number;
  readonly release: () => void;
}

/**
 * One lease for many readers. Data read under it may be newer than the lease itself, never older, so a reader
 * needs no round trip to the process that owns the vault. Renewed when garbage waits for it.
 */
export class SharedLease {
  #current: Held;
  #ended = false;

  private constructor(
    private readonly acquire: () => Promise<() => void>,
    release: () => void,
    private readonly readers: OpenReaders,
  ) {
    this.#current = { readers: 0, release };
  }

  /** `readers`: counts those who hold it. */
  static async take(acquire: () => Promise<() => void>, readers = new OpenReaders()): Promise<SharedLease> {
    return new SharedLease(acquire, await acquire(), readers);
  }

  /** Keeps everything that is stored now readable until the returned function is called. */
  hold(): () => void {
    const lease = this.#current;
    lease.readers += 1;
    const leave = this.readers.add();
    let holds = true;
    return () => {
      if (!holds) return;
      holds = false;
      lease.readers -= 1;
      leave();
      this.#endIfUnused(lease);
    };
  }

  /** Takes a new lease for readers from now on; the lease before it ends with its last reader. */
  async renew(): Promise<void> {
    const release = await this.acquire();
    const before = this.#current;
    this.#current = { readers: 0, release };
    this.#endIfUnused(before);
  }

  /** Ends it with its last reader; nobody holds it from now on. */
  end(): void {
    this.#ended = true;
    this.#endIfUnused(this.#current);
  }

  #endIfUnused(lease: Held): void {
    if ((this.#ended || lease !== this.#current) && lease.readers === 0) lease.release();
  }
}
