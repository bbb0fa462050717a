import { StowkenError } from '../../model/index.js';

/** Below this a loop copies faster than TypedArray.set. */
const loopCopyBytesMax = 16;

/**
 * Gathers the pieces of a `repeated uint32` field. The ordinary form, one packed piece, stays a view of
 * the request; any further piece makes it copy, into one buffer, so that a request of millions of tiny
 * pieces costs no more memory than its own size.
 */
export class TokenGatherer {
  #start = 0;
  #end = 0;
  #copy: Buffer | undefined;
  #copiedBytes = 0;

  /** `capacityBytes`: no less than the varints of all pieces together. */
  constructor(
    private readonly field: string,
    private readonly request: Uint8Array,
    private readonly capacityBytes: number,
  ) {}

  /** Adds whole varints that lie in the request: the payload of a packed piece, or one unpacked element. */
  add(start: number, end: number): void {
    if (start === end) return;
    if (this.#start === this.#end) {
      this.#start = start;
      this.#end = end;
      return;
    }
    if (this.#copy === undefined) {
      this.#copy = Buffer.allocUnsafe(this.capacityBytes);
      this.#append(this.#copy, this.#start, this.#end);
    }
    this.#append(this.#copy, start, end);
  }

  /** One chunk of varints, or none when there are no tokens. */
  chunks(): Uint8Array[] {
    if (this.#copy !== undefined) return [this.#copy.subarray(0, this.#copiedBytes)];
    return this.#start === this.#end ? [] : [this.request.subarray(this.#start, this.#end)];
  }

  #append(copy: Buffer, start: number, end: number): void {
    // Joined, the last varint of one piece would swallow the first of the next.
    if ((this.request[end - 1] ?? 0) >= 0x80) {
      throw new StowkenError('MALFORMED_TOKENS', `${this.field} ends within a varint`, { field: this.field });
    }
    if (end - start <= loopCopyBytesMax) {
      for (let at = start; at < end; at++) copy[this.#copiedBytes++] = this.request[at] ?? 0;
    } else {
      copy.set(this.request.subarray(start, end), this.#copiedBytes);
      this.#copiedBytes += end - start;
    }
  }
}
