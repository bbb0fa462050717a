import { MappedBytes } from './mapped-bytes.js';

/** Tokens gathered before they are moved to the others. */
const latestMax = 16 * 1024;

/** Growing list of token ids. */
export class TokenSink {
  readonly #latest: Uint32Array;
  #latestLength = 0;
  readonly #earlier: MappedBytes;

  constructor(tokensMax: number) {
    this.#latest = new Uint32Array(Math.min(latestMax, tokensMax));
    this.#earlier = new MappedBytes(4 * tokensMax);
  }

  get length(): number {
    return this.#earlier.length / 4 + this.#latestLength;
  }

  push(tokens: Uint32Array): void {
    if (this.#latestLength + tokens.length > this.#latest.length) this.#flush();
    if (tokens.length > this.#latest.length) this.#earlier.add(bytesOf(tokens));
    else {
      this.#latest.set(tokens, this.#latestLength);
      this.#latestLength += tokens.length;
    }
  }

  /** Returns all of them as le32, in a buffer that may be sent to another thread; none may be added then. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#flush();
    return this.#earlier.finish();
  }

  /** Returns the memory. */
  release(): void {
    this.#earlier.release();
  }

  #flush(): void {
    this.#earlier.add(bytesOf(this.#latest.subarray(0, this.#latestLength)));
    this.#latestLength = 0;
  }
}

function bytesOf(tokens: Uint32Array): Uint8Array {
  return new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
}
