import type { IncomingRequest } from './incoming-request.js';
import type { Tickets } from './tickets.js';

/**
 * Requests of one stream on their way through grpc-js. Those that no handler has claimed by the end of the
 * stream are released by it.
 */
export class DeliveredRequests {
  /** Requests that are not known to be claimed by a handler. */
  #unclaimed: IncomingRequest[] = [];

  constructor(
    private readonly tickets: Tickets,
    private readonly plain: boolean,
  ) {}

  /** Returns the message that grpc-js gets for a request: a ticket, or the bytes for services of others. */
  frame(request: IncomingRequest, bytes: Buffer): Buffer {
    if (this.#unclaimed.length > 0) this.#unclaimed = this.#unclaimed.filter(({ claimed }) => !claimed);
    this.#unclaimed.push(request);
    return this.plain ? plainFrame(bytes) : this.tickets.make(request);
  }

  release(): void {
    for (const request of this.#unclaimed) {
      if (!request.claimed) request.release();
      this.tickets.forget(request);
    }
    this.#unclaimed = [];
  }
}

function plainFrame(bytes: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(5 + bytes.length);
  frame[0] = 0;
  frame.writeUInt32BE(bytes.length, 1);
  bytes.copy(frame, 5);
  return frame;
}
