import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { toJson } from '../model/index.js';

/**
 * Error: the reader of standard output has gone (`stowken export | head`). There is nothing left to do, and
 * no error to report.
 */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/**
 * Writes to a stream no faster than it is read. After the reader has gone, every write rejects with
 * OutputClosed; a write that waits for the reader ends when the signal aborts.
 */
export class Output {
  private failure: Error | undefined;

  constructor(
    private readonly stream: Writable,
    private readonly signal?: AbortSignal,
  ) {
    // Never removed: a stream may report a write's failure after the last one was awaited.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.failure ??=
        error.code === 'EPIPE'
          ? new OutputClosed()
          : new Error(`standard output cannot be written: ${error.message}`, { cause: error });
    });
  }

  async write(content: string | Uint8Array): Promise<void> {
    if (this.failure === undefined && !this.stream.write(content) && !this.stream.destroyed) {
      const options = this.signal === undefined ? {} : { signal: this.signal };
      await once(this.stream, 'drain', options).catch(() => undefined); // The listener keeps the failure.
      this.signal?.throwIfAborted();
    }
    if (this.failure !== undefined) throw this.failure;
  }

  async line(text: string): Promise<void> {
    await this.write(`${text}\n`);
  }

  /** Writes a value as a line of JSON. */
  async json(value: object): Promise<void> {
    await this.line(toJson(value));
  }

  /** Resolves when everything written has been passed on. */
  async finish(): Promise<void> {
    if (this.failure === undefined) await new Promise((resolve) => this.stream.write('', resolve));
    if (this.failure !== undefined) throw this.failure;
  }
}
