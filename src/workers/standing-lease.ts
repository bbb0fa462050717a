interface Held {
  users: number;
  readonly actions: (() => void)[];
  readonly release: () => void;
}

/**
 * One lease for many readers. What is read under it may be older than the lease itself, never newer: so a
 * reader costs no round trip to the process that keeps the vault. Renewed, lest garbage wait for long.
 */
export class StandingLease {
  #current: Held;
  /** Those before it that still have readers. */
  readonly #before = new Set<Held>();

  private constructor(
    private readonly acquire: () => Promise<() => void>,
    release: () => void,
  ) {
    this.#current = newlyHeld(release);
  }

  static async take(acquire: () => Promise<() => void>): Promise<StandingLease> {
    return new StandingLease(acquire, await acquire());
  }

  /** Everything that is stored now stays readable until the function that it returns is called. */
  hold(): () => void {
    const lease = this.#current;
    lease.users += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      lease.users -= 1;
      this.#endUnused();
    };
  }

  /** Readers from now on hold a new lease; the one before ends with its last reader. */
  async renew(): Promise<void> {
    const release = await this.acquire();
    this.#before.add(this.#current);
    this.#current = newlyHeld(release);
    this.#endUnused();
  }

  /** Runs an action when whoever reads now has finished. */
  whenReleased(action: () => void): void {
    this.#current.actions.push(action);
    void this.renew().catch(() => undefined);
  }

  #endUnused(): void {
    // In order: what waits for a lease waits for those before it too.
    for (const lease of this.#before) {
      if (lease.users > 0) return;
      this.#before.delete(lease);
      lease.release();
      for (const action of lease.actions) action();
    }
  }
}

function newlyHeld(release: () => void): Held {
  return { users: 0, actions: [], release };
}
