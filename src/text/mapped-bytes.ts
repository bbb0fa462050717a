/** Bytes up to which memory is taken from the heap of the C library, which is faster than to map it. */
const heapBytesMax = 64 * 1024;
/** Bytes by which mapped memory grows. */
const growBytes = 1024 * 1024;

/**
 * Bytes gathered one after the other. Long ones are in a resizable ArrayBuffer: the system maps it by itself,
 * it grows in place, and shrinking it returns its memory at once. Any other buffer is returned by a garbage
 * collection, and then stays with the C library as a hole between smaller ones.
 */
export class MappedBytes {
  #buffer = new ArrayBuffer(0);
  #length = 0;

  /** Nothing is taken for bytes that do not come. */
  constructor(private readonly bytesMax: number) {}

  get length(): number {
    return this.#length;
  }

  add(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.byteLength) this.#grow(length);
    new Uint8Array(this.#buffer).set(bytes, this.#length);
    this.#length = length;
  }

  /** Returns the bytes, which may be sent to another thread with their buffer. Nothing may be added then. */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer, 0, this.#length);
  }

  /** Returns the memory. Views of it have no bytes from then on. */
  release(): void {
    // None if they were sent to another thread.
    if (this.#buffer.byteLength > 0) releaseBytes(this.finish());
    this.#length = 0;
  }

  #grow(length: number): void {
    if (this.#buffer.resizable) {
      this.#buffer.resize(Math.min(this.bytesMax, length + growBytes));
      return;
    }
    const bytes = new Uint8Array(this.#buffer, 0, this.#length);
    const doubled = Math.min(this.bytesMax, Math.max(2 * this.#buffer.byteLength, length));
    this.#buffer =
      doubled <= heapBytesMax
        ? new ArrayBuffer(doubled)
        : new ArrayBuffer(doubled, { maxByteLength: this.bytesMax });
    new Uint8Array(this.#buffer).set(bytes);
  }
}

/** Returns the memory of MappedBytes, of this thread or of the one that sent them. */
export function releaseBytes({ buffer }: Uint8Array<ArrayBuffer>): void {
  // One that was sent to another thread has no bytes here.
  if (buffer.resizable && buffer.byteLength > 0) buffer.resize(0);
}
