import { StowkenError } from '../../model/index.js';

/** Appends the primitives of stored records: LEB128 varints of safe integers, zigzag, bytes, strings. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Appends a safe integer of zero or more. */
  varint(value: number): this {
    this.#reserve(8);
    const bytes = this.#bytes;
    let at = this.#length;
    let rest = value;
    for (; rest >= 2 ** 31; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80;
    for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at++] = rest;
    this.#length = at;
    return this;
  }

  /** Appends a signed integer below 2^52. */
  zigzag(value: number): this {
    return this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** Appends the length in bytes, then UTF-8. */
  text(value: string): this {
    const length = Buffer.byteLength(value, 'utf8');
    this.varint(length).#reserve(length);
    this.#length += this.#bytes.write(value, this.#length, 'utf8');
    return this;
  }

  /** Removes everything written after this many bytes. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** Returns the bytes written; a view until the next write. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.finish());
    this.#bytes = grown;
  }
}

/**
 * Reads the records of ByteWriter. @throws StowkenError CORRUPT_STORE past the end or for an impossible value
 */
export class ByteReader {
  constructor(
    private readonly bytes: Uint8Array,
    public position = 0,
  ) {}

  get atEnd(): boolean {
    return this.position >= this.bytes.length;
  }

  get bytesLeft(): number {
    return this.bytes.length - this.position;
  }

  varint(): number {
    let value = this.byte();
    if (value < 0x80) return value;
    value &= 0x7f;
    for (let scale = 0x80; ; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    if (!Number.isSafeInteger(value)) throw corrupt('a number is too large');
    return value;
  }

  zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  byte(): number {
    const byte = this.bytes[this.position];
    if (byte === undefined) throw corrupt('it ends too early');
    this.position += 1;
    return byte;
  }

  /** Returns a view of the record. */
  raw(length: number): Uint8Array {
    const start = this.skip(length);
    return this.bytes.subarray(start, this.position);
  }

  /** Skips so many bytes; returns the offset at which they begin. */
  skip(length: number): number {
    const start = this.position;
    if (start + length > this.bytes.length) throw corrupt('it ends too early');
    this.position = start + length;
    return start;
  }

  text(): string {
    const bytes = this.raw(this.varint());
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  }

  rest(): Uint8Array {
    return this.raw(this.bytes.length - this.position);
  }
}

/** Returns the encoded size of this value as a varint, in bytes. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}

function corrupt(what: string): StowkenError {
  return new StowkenError('CORRUPT_STORE', `a stored record does not decode: ${what}`);
}
