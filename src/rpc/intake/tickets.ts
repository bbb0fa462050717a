import type { IncomingRequest } from './incoming-request.js';

/**
 * Size of a gRPC frame around a ticket: a flag, four bytes of length, and the ticket's number as a double.
 */
const frameBytes = 5 + 8;

/**
 * Requests on their way through grpc-js. It copies and inspects every message that it passes on. So it gets a
 * ticket of eight bytes in the place of each, and the method's deserializer exchanges that for the request
 * itself.
 */
export class Tickets {
  readonly #requests = new Map<number, IncomingRequest>();
  #last = 0;

  /** Number of tickets made and not redeemed. */
  get open(): number {
    return this.#requests.size;
  }

  /** Returns a message for grpc-js that stands for the request. */
  make(request: IncomingRequest): Buffer {
    const ticket = ++this.#last;
    this.#requests.set(ticket, request);
    request.ticket = ticket;
    const frame = Buffer.allocUnsafe(frameBytes);
    frame[0] = 0;
    frame.writeUInt32BE(frameBytes - 5, 1);
    frame.writeDoubleBE(ticket, 5);
    return frame;
  }

  /** Returns the request of a message. */
  redeem(message: Buffer): IncomingRequest {
    const ticket = message.readDoubleBE(0);
    const request = this.#requests.get(ticket);
    if (request === undefined) throw new Error(`no request has ticket ${ticket}`);
    this.#requests.delete(ticket);
    return request;
  }

  /** Forgets a request of a stream that has closed. */
  forget({ ticket }: IncomingRequest): void {
    if (ticket !== undefined) this.#requests.delete(ticket);
  }
}
