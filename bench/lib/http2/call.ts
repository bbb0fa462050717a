import { contentOf, frameFlag, frameType, type Frame } from './frames.js';
import { grpcStatusOf } from './headers.js';

const noBytes: Buffer = Buffer.alloc(0);

/** Response of one call: its bytes are counted, and only its status is decoded. */
export class Call {
  #bytes = 0;
  /** Beginning of a header block, before the frame that ends it. */
  #block: Buffer = noBytes;
  #isLast = false;
  #status: number | undefined;

  constructor(
    private readonly path: string,
    private readonly resolve: (bytes: number) => void,
    readonly reject: (error: Error) => void,
  ) {}

  /** Returns whether the response is complete; then the call is settled. */
  receive(frame: Frame): boolean {
    const { type, flags } = frame;
    if (type !== frameType.continuation) this.#isLast = (flags & frameFlag.endStream) !== 0;
    if (type === frameType.data) this.#bytes += contentOf(frame).length;
    else if (!this.#endsBlock(frame)) return false;
    if (this.#isLast) this.#settle();
    return this.#isLast;
  }

  wasReset(code: number): void {
    this.reject(new Error(`${this.path} was reset with code ${code}`));
  }

  #endsBlock(frame: Frame): boolean {
    const content = frame.type === frameType.headers ? contentOf(frame) : frame.payload;
    this.#block = this.#block.length === 0 ? content : Buffer.concat([this.#block, content]);
    const isWhole = (frame.flags & frameFlag.endHeaders) !== 0;
    if (isWhole) this.#status ??= grpcStatusOf(this.#block);
    // The frame is valid for this turn only.
    this.#block = isWhole ? noBytes : Buffer.from(this.#block);
    return isWhole;
  }

  #settle(): void {
    if (this.#status === 0) this.resolve(this.#bytes);
    else this.reject(new Error(`${this.path} ended with status ${String(this.#status)}`));
  }
}
