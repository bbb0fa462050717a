import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** The reader of standard output has gone (`stowken export | head`): nothing to do, and nothing to complain of. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/** Writes to a stream no faster than it is read. After the reader has gone, every write rejects with OutputClosed. */
export class Output {
  private failure: Error | undefined;
  private readonly onError = (error: NodeJS.ErrnoException) => {
    this.failure ??= error.code === 'EPIPE' ? new OutputClosed() : error;
  };

  constructor(private readonly stream: Writable) {
    stream.on('error', this.onError);
  }

  async write(content: string | Uint8Array): Promise<void> {
    if (this.failure === undefined && !this.stream.write(content) && !this.stream.destroyed) {
      await once(this.stream, 'drain').catch(() => undefined); // a failure is kept by the listener
    }
    if (this.failure !== undefined) throw this.failure;
  }

  async line(text: string): Promise<void> {
    await this.write(`${text}\n`);
  }

  /** Resolves when everything written has been handed on. */
  async finish(): Promise<void> {
    await new Promise((resolve) => this.stream.write('', resolve));
    if (this.failure !== undefined) throw this.failure;
    this.stream.off('error', this.onError);
  }
}
