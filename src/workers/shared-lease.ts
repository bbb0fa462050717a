interface Held {
  readers: number;
  readonly release: () => void;
}

/**
 * One lease for many readers. What is read under it may be newer than the lease itself, never older: so a
 * reader costs no round trip to the process that keeps the vault. Renewed when garbage waits for it.
 */
export class SharedLease {
  #current: Held;

  private constructor(
    private readonly acquire: () => Promise<() => void>,
    release: () => void,
  ) {
    this.#current = { readers: 0, release };
  }

  static async take(acquire: () => Promise<() => void>): Promise<SharedLease> {
    return new SharedLease(acquire, await acquire());
  }

  /** Everything that is stored now stays readable until the function that it returns is called. */
  hold(): () => void {
    const lease = this.#current;
    lease.readers += 1;
    let holds = true;
    return () => {
      if (!holds) return;
      holds = false;
      lease.readers -= 1;
      this.#endIfUnused(lease);
    };
  }

  /** Readers from now on hold a new lease; the one before ends with its last reader. */
  async renew(): Promise<void> {
    const release = await this.acquire();
    const before = this.#current;
    this.#current = { readers: 0, release };
    this.#endIfUnused(before);
  }

  #endIfUnused(lease: Held): void {
    if (lease !== this.#current && lease.readers === 0) lease.release();
  }
}
