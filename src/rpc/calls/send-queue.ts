import type { ServerWritableStream } from '@grpc/grpc-js';
import { limits } from '../../model/index.js';

/**
 * Sends messages, and waits while too many bytes of them have not left the server. (The stream's own
 * high-water mark counts messages, and would let 16 MiB of large chunks pile up.)
 */
export class SendQueue {
  #bytes = 0;
  #messages = 0;
  #wake: (() => void) | undefined;

  constructor(
    private readonly call: ServerWritableStream<unknown, Buffer>,
    private readonly signal: AbortSignal,
  ) {
    // No write is ever reported as done once a call has been cancelled: the signal ends a wait as well.
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
  }

  /** Sends; tells whether room() is to be awaited before the next message is made. @throws the signal's reason */
  send(message: Buffer): boolean {
    this.signal.throwIfAborted();
    const { length } = message; // the callback must not keep the message, which the library has copied
    this.#bytes += length;
    this.#messages += 1;
    this.call.write(message, () => {
      this.#bytes -= length;
      this.#messages -= 1;
      if (!this.#full) this.#wake?.();
    });
    return this.#full;
  }

  /** Resolves when the next message may be made; rejects with the signal's reason when it aborts. */
  async room(): Promise<void> {
    if (this.#full) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.signal.throwIfAborted();
  }

  get #full(): boolean {
    return this.#bytes >= limits.sendQueueBytesMax || this.#messages >= limits.sendQueueMessagesMax;
  }
}
