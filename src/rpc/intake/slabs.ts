/** Bytes of one slab, and slabs that are kept for reuse. */
const slabBytes = 256 * 1024;
const keptMax = 128;

/**
 * Blocks of memory in which long messages gather. They are reused at once, where a buffer for each message
 * would stay until the garbage collector finds it.
 */
export class Slabs {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(slabBytes);
  }

  give(slabs: readonly Buffer[]): void {
    for (const slab of slabs) if (this.#free.length < keptMax) this.#free.push(slab);
  }

  /** Lets the garbage collector have what is kept. */
  clear(): void {
    this.#free.length = 0;
  }
}

/** Gathers bytes by copying them: a chunk of a socket is a view of all that one read brought, and would keep it alive. */
export class Gatherer {
  #held: Buffer[] = [];
  /** Exact memory for a message shorter than a slab. */
  readonly #short: Buffer | undefined;
  length = 0;

  /** `lengthMax`: the most that will come. */
  constructor(
    private readonly slabs: Slabs,
    lengthMax: number,
  ) {
    this.#short = lengthMax <= slabBytes ? Buffer.allocUnsafeSlow(lengthMax) : undefined;
  }

  add(bytes: Buffer): void {
    if (this.#short !== undefined) {
      this.length += bytes.copy(this.#short, this.length);
      return;
    }
    for (let at = 0; at < bytes.length;) {
      const offset = this.length % slabBytes;
      if (offset === 0) this.#held.push(this.slabs.take());
      const copied = bytes.copy(this.#held.at(-1)!, offset, at);
      at += copied;
      this.length += copied;
    }
  }

  /** All that was gathered, in memory of its own; the gatherer is empty afterwards. */
  finish(): Buffer {
    if (this.#short !== undefined) return this.#short.subarray(0, this.length);
    const whole = Buffer.allocUnsafeSlow(this.length);
    this.#held.forEach((slab, index) => slab.copy(whole, index * slabBytes));
    this.discard();
    return whole;
  }

  discard(): void {
    this.slabs.give(this.#held);
    this.#held = [];
    this.length = 0;
  }
}

/** A chunk that keeps no more than four times its bytes alive, or little: itself, or a copy. */
export function lean(chunk: Buffer): Buffer {
  const { byteLength } = chunk.buffer;
  return byteLength <= 16 * 1024 || chunk.length * 4 >= byteLength ? chunk : Buffer.from(chunk);
}
