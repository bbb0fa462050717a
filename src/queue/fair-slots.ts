/** Limits of concurrent work. */
export interface SlotBounds {
  readonly countMax: number;
  /** Limit of all weights together; a heavier request runs alone. Unlimited if absent. */
  readonly weightMax?: number;
  /** Limit of one owner. Unlimited if absent. */
  readonly countPerOwnerMax?: number;
}

export interface SlotRequest<Owner> {
  /**
   * Owner of the request. Slots are shared fairly between owners: each in turn, and each one's requests in
   * order.
   */
  readonly owner: Owner;
  /** 0 if absent. */
  readonly weight?: number;
  /** Ends the wait when it aborts, and rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Limit of the wait, and the error after it. Unlimited if absent. */
  readonly wait?: { readonly msMax: number; readonly overdue: () => Error };
}

interface Waiting {
  readonly weight: number;
  readonly start: () => void;
}

/** A weighted semaphore with a queue that is fair between owners. */
export class FairSlots<Owner> {
  #count = 0;
  #weight = 0;
  readonly #countOf = new Map<Owner, number>();
  /** In the order of the owners' turns. */
  readonly #queues = new Map<Owner, Set<Waiting>>();

  constructor(private readonly bounds: SlotBounds) {}

  get count(): number {
    return this.#count;
  }

  countOf(owner: Owner): number {
    return this.#countOf.get(owner) ?? 0;
  }

  /** Resolves to the function that releases the slot, to be called once. */
  enter({ owner, weight = 0, signal, wait }: SlotRequest<Owner>): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      let timer: NodeJS.Timeout | undefined;
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const leave = (error: Error): void => {
        settle();
        this.#forget(owner, waiting);
        reject(error);
        this.#startNext(); // A lighter request may have waited behind it.
      };
      const onAbort = (): void => leave(signal!.reason as Error);
      const waiting: Waiting = {
        weight,
        start: () => {
          settle();
          resolve(this.#take(owner, weight));
        },
      };
      const queue = this.#queues.get(owner);
      if (queue === undefined) this.#queues.set(owner, new Set([waiting]));
      else queue.add(waiting);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#startNext();
      const stillWaits = this.#queues.get(owner)?.has(waiting) ?? false;
      if (wait !== undefined && stillWaits) timer = setTimeout(() => leave(wait.overdue()), wait.msMax);
    });
  }

  #startNext(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) next.start();
  }

  /** Removes and returns the request whose turn it is; its owner's next turn follows all others. */
  #next(): Waiting | undefined {
    const { countMax, weightMax = Infinity, countPerOwnerMax = Infinity } = this.bounds;
    if (this.#count >= countMax) return undefined;
    for (const [owner, queue] of this.#queues) {
      if (this.countOf(owner) >= countPerOwnerMax) continue;
      const [first] = queue as Iterable<Waiting> as [Waiting];
      // Nothing overtakes a request that needs more room, or its turn would never arrive.
      if (this.#count > 0 && this.#weight + first.weight > weightMax) return undefined;
      this.#forget(owner, first);
      if (queue.size > 0) {
        this.#queues.delete(owner);
        this.#queues.set(owner, queue);
      }
      return first;
    }
    return undefined;
  }

  #forget(owner: Owner, waiting: Waiting): void {
    const queue = this.#queues.get(owner);
    queue?.delete(waiting);
    if (queue?.size === 0) this.#queues.delete(owner);
  }

  #take(owner: Owner, weight: number): () => void {
    this.#count += 1;
    this.#weight += weight;
    this.#countOf.set(owner, this.countOf(owner) + 1);
    let taken = true;
    return () => {
      if (!taken) return;
      taken = false;
      this.#count -= 1;
      this.#weight -= weight;
      const left = this.countOf(owner) - 1;
      if (left === 0) this.#countOf.delete(owner);
      else this.#countOf.set(owner, left);
      this.#startNext();
    };
  }
}
