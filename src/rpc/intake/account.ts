import type { ByteBudget, Share } from './budget.js';
import { Payment } from './payment.js';

/** Memory that a call keeps while its requests come and go. */
export class Account {
  readonly #payment: Payment;

  constructor(budget: ByteBudget, share: Share) {
    this.#payment = new Payment(budget, share);
  }

  /**
   * Resolves when the call has so many more bytes; waits for no other bytes meanwhile. `besideBytes`: charge
   * of the call's current request.
   * @throws StowkenError REQUEST_TOO_LARGE, OVERLOADED as for a request; the signal's reason
   */
  async keep(bytes: number, besideBytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const payment = this.#payment;
    if (payment.payNow(bytes, besideBytes)) return;
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        payment.stopWaiting();
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const settle = (): void => signal.removeEventListener('abort', onAbort);
      const paid = (): void => {
        settle();
        resolve();
      };
      payment.payLater(bytes, paid, (error) => {
        settle();
        reject(error);
      });
    });
  }

  /** Returns bytes that were kept. */
  give(bytes: number): void {
    this.#payment.give(bytes);
  }

  /** Returns everything; to be called once nothing is kept. */
  close(): void {
    this.#payment.stopWaiting();
    this.#payment.settle(0);
  }
}
