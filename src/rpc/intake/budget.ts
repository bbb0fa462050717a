/** Bytes that one connection has taken from a budget, and those of a caller. */
export interface Share {
  usedBytes: number;
  /** Caller whose calls, on all connections, have a limit together. */
  readonly owner?: { usedBytes: number; readonly bytesMax: number } | undefined;
}

interface Waiter {
  readonly share: Share;
  readonly bytes: number;
  readonly granted: () => void;
}

/** Limit of a request that does not queue behind larger ones: it is answered before they find room. */
const overtakingBytesMax = 64 * 1024;

/**
 * Bytes that requests may hold at once, in all and through one connection. Invariants:
 * - `usedBytes` is the sum of bytes taken and not returned, and never exceeds `bytesMax`.
 * - No share exceeds `shareBytesMax`, so that one client leaves room for others.
 * - Room goes to the longest waiting first. A request held back by the share of its connection or caller
 *   holds back no other;
 *   a request held back by the whole budget holds back all behind it, except small ones.
 */
export class ByteBudget {
  readonly shareBytesMax: number;
  usedBytes = 0;
  /** Total of the bytes returned since the start. */
  givenBytes = 0;
  readonly #waiters: Waiter[] = [];

  constructor(
    readonly bytesMax: number,
    sharePercent: number,
    /** Limit of the time that a request waits for room. */
    readonly waitMs: number,
  ) {
    this.shareBytesMax = Math.floor((bytesMax * sharePercent) / 100);
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  /** Takes bytes if there is room for them now; returns whether there was. */
  tryTake(share: Share, bytes: number): boolean {
    if (!this.#fits(share, bytes)) return false;
    if (this.#waiters.length > 0 && bytes > overtakingBytesMax) return false;
    this.#take(share, bytes);
    return true;
  }

  /** Calls `granted` once the bytes are taken. The returned function ends the wait. */
  wait(share: Share, bytes: number, granted: () => void): () => void {
    const waiter: Waiter = { share, bytes, granted };
    this.#waiters.push(waiter);
    return () => {
      const index = this.#waiters.indexOf(waiter);
      if (index < 0) return;
      this.#waiters.splice(index, 1);
      this.#grant();
    };
  }

  give(share: Share, bytes: number): void {
    this.usedBytes -= bytes;
    share.usedBytes -= bytes;
    if (share.owner) share.owner.usedBytes -= bytes;
    this.givenBytes += bytes;
    if (this.usedBytes < 0 || share.usedBytes < 0) throw new Error('more bytes were given back than taken');
    if (this.#waiters.length > 0) this.#grant();
  }

  #fits(share: Share, bytes: number): boolean {
    return this.usedBytes + bytes <= this.bytesMax && this.#hasRoom(share, bytes);
  }

  /** True if neither the connection nor the caller would exceed its limit. */
  #hasRoom({ usedBytes, owner }: Share, bytes: number): boolean {
    return (
      usedBytes + bytes <= this.shareBytesMax &&
      (owner === undefined || owner.usedBytes + bytes <= owner.bytesMax)
    );
  }

  #take(share: Share, bytes: number): void {
    this.usedBytes += bytes;
    share.usedBytes += bytes;
    if (share.owner) share.owner.usedBytes += bytes;
  }

  #grant(): void {
    let index = 0;
    while (index < this.#waiters.length) {
      const { share, bytes, granted } = this.#waiters[index]!;
      if (this.usedBytes + bytes > this.bytesMax) return;
      if (!this.#hasRoom(share, bytes)) {
        index += 1;
        continue;
      }
      this.#waiters.splice(index, 1);
      this.#take(share, bytes);
      granted();
    }
  }
}
