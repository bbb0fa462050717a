import { MappedBytes } from './mapped-bytes.js';

/** Tokens gathered before they are moved to the others. */
const latestMax = 16 * 1024;
/** Arrays that are kept for the next ones; there are more while many texts are encoded in turns. */
const sparesMax = 4;

const spares: Uint32Array[] = [];

/** Growing list of token ids. */
export class TokenSink {
  /** Undefined once it was given back. */
  #latest: Uint32Array | undefined = spares.pop() ?? new Uint32Array(latestMax);
  #latestLength = 0;
  /** Most texts are short, and have none. */
  #earlier: MappedBytes | undefined;

  constructor(private readonly tokensMax: number) {}

  get length(): number {
    return (this.#earlier?.length ?? 0) / 4 + this.#latestLength;
  }

  push(tokens: Uint32Array): void {
    const latest = this.#latest!;
    if (this.#latestLength + tokens.length > latest.length) this.#flush(latest);
    if (tokens.length > latest.length) this.#add(tokens);
    else {
      latest.set(tokens, this.#latestLength);
      this.#latestLength += tokens.length;
    }
  }

  /** Returns all of them as le32, in a buffer that may be sent to another thread; none may be added then. */
  finish(): Uint8Array<ArrayBuffer> {
    const latest = this.#latest!;
    let le32: Uint8Array<ArrayBuffer>;
    if (this.#earlier === undefined) {
      le32 = new Uint8Array(4 * this.#latestLength);
      le32.set(bytesOf(latest.subarray(0, this.#latestLength)));
    } else {
      this.#flush(latest);
      le32 = this.#earlier.finish();
    }
    this.#giveBack();
    return le32;
  }

  /** Returns the memory. */
  release(): void {
    this.#earlier?.release();
    this.#giveBack();
  }

  #flush(latest: Uint32Array): void {
    this.#add(latest.subarray(0, this.#latestLength));
    this.#latestLength = 0;
  }

  #add(tokens: Uint32Array): void {
    this.#earlier ??= new MappedBytes(4 * this.tokensMax);
    this.#earlier.add(bytesOf(tokens));
  }

  #giveBack(): void {
    if (this.#latest !== undefined && spares.length < sparesMax) spares.push(this.#latest);
    this.#latest = undefined;
  }
}

function bytesOf(tokens: Uint32Array): Uint8Array {
  return new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
}
