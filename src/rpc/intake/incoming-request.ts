import type { ByteBudget, Share } from './budget.js';

/** The stream that a request came on. */
export interface Origin {
  /** True if nothing came in this turn of the event loop: a reset behind what came would be known. */
  readonly settled: boolean;
}

/**
 * A whole request message, plain and paid for. What it is charged is given back once: by its handler when the work
 * on it has ended, or by its stream when no handler has claimed it.
 */
export class IncomingRequest {
  /** Set while the request is on its way through grpc-js. */
  ticket: number | undefined;
  #charged: boolean;
  #claimed = false;

  constructor(
    readonly bytes: Buffer,
    private readonly origin: Origin,
    private readonly chargedBytes: number,
    private readonly budget: ByteBudget,
    private readonly share: Share,
  ) {
    this.#charged = chargedBytes > 0;
  }

  /** See Origin. */
  get settled(): boolean {
    return this.origin.settled;
  }

  get claimed(): boolean {
    return this.#claimed;
  }

  /** Makes the caller the one who gives back the charge. */
  claim(): Buffer {
    this.#claimed = true;
    return this.bytes;
  }

  release(): void {
    if (!this.#charged) return;
    this.#charged = false;
    this.budget.give(this.share, this.chargedBytes);
  }
}
