import { limits, StowkenError } from '../../model/index.js';
import type { ByteBudget, Share } from './budget.js';

/** Returns the charge of a message: its memory cost while it is processed, which is more than its bytes. */
export function chargeFor(bytes: number): number {
  return bytes * limits.requestChargeTimes + limits.requestChargeBytes;
}

/**
 * Bytes that one stream has taken from the budget, and its wait for more. Never waits for bytes that it can
 * never get.
 */
export class Payment {
  #paidBytes = 0;
  #stop: (() => void) | undefined;

  constructor(
    private readonly budget: ByteBudget,
    private readonly share: Share,
  ) {}

  get waiting(): boolean {
    return this.#stop !== undefined;
  }

  /**
   * Pays if there is room now; returns whether there was. `besideBytes`: bytes that the same call has paid
   * elsewhere.
   * @throws StowkenError REQUEST_TOO_LARGE if it is more than the connection can ever have
   */
  payNow(bytes: number, besideBytes = 0): boolean {
    const { budget, share } = this;
    const allBytes = this.#paidBytes + besideBytes + bytes;
    if (allBytes > budget.shareBytesMax) throw tooDear(allBytes, budget);
    if (!budget.tryTake(share, bytes)) return false;
    this.#paidBytes += bytes;
    return true;
  }

  /** Calls `paid` when there is room, or `refused` if there is none within the budget's wait. */
  payLater(bytes: number, paid: () => void, refused: (error: StowkenError) => void): void {
    const { budget, share } = this;
    const leave = budget.wait(share, bytes, () => {
      clearTimeout(timer);
      this.#stop = undefined;
      this.#paidBytes += bytes;
      paid();
    });
    const timer = setTimeout(() => {
      this.stopWaiting();
      refused(full(budget));
    }, budget.waitMs);
    this.#stop = () => {
      clearTimeout(timer);
      leave();
    };
  }

  /** Returns bytes that were paid. */
  give(bytes: number): void {
    this.#paidBytes -= bytes;
    this.budget.give(this.share, bytes);
  }

  /** Returns all but `keptBytes`, which are the caller's from now on. */
  settle(keptBytes: number): void {
    const back = this.#paidBytes - keptBytes;
    this.#paidBytes = 0;
    if (back > 0) this.budget.give(this.share, back);
  }

  stopWaiting(): void {
    const stop = this.#stop;
    this.#stop = undefined;
    stop?.();
  }
}

function tooDear(charge: number, { shareBytesMax, bytesMax }: ByteBudget): StowkenError {
  return new StowkenError(
    'REQUEST_TOO_LARGE',
    `the request would take ${charge} bytes of memory while it is worked on; one connection has at most ` +
      `${shareBytesMax} of the ${bytesMax} that the server was given for requests (--intake-bytes)`,
    { size: String(charge), limit: String(shareBytesMax) },
  );
}

function full({ bytesMax, waitMs }: ByteBudget): StowkenError {
  return new StowkenError(
    'OVERLOADED',
    `requests take all of the ${bytesMax} bytes of memory that the server was given for them, and none became free ` +
      `within ${waitMs} ms; try again`,
    { limit: String(bytesMax) },
  );
}
