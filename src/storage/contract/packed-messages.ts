import {
  type MessageRecord,
  type NamedSegment,
  segmentHashOf,
  withFieldSegments,
} from '../../model/index.js';

const blockBytes = 64 * 1024;
const hashBytes = 32;
/**
 * A varint of a JavaScript integer has at most 8 bytes; a record has five of them, and two for each segment.
 */
const varintBytesMax = 8;

/**
 * Messages in order, for one iteration or more: an array of them, or an object that decodes them one by one.
 */
export interface MessageSequence extends Iterable<MessageRecord> {
  readonly length: number;
}

/**
 * Messages packed as bytes, because a list of objects would take many times their memory. All of its state is
 * in plain fields, so that it can be posted to another process.
 */
export class PackedMessages implements MessageSequence {
  constructor(
    readonly blocks: readonly Uint8Array[],
    readonly length: number,
  ) {}

  *[Symbol.iterator](): Generator<MessageRecord, void, void> {
    for (const block of this.blocks) {
      const reader = new Reader(Buffer.from(block.buffer, block.byteOffset, block.length));
      while (!reader.atEnd) yield reader.record();
    }
  }
}

/** Packs messages one by one. */
export class MessagePacker {
  readonly #full: Buffer[] = [];
  #block = Buffer.allocUnsafe(blockBytes);
  #end = 0;
  #fullBytes = 0;
  length = 0;

  /** Size in bytes of the messages added so far. */
  get bytes(): number {
    return this.#fullBytes + this.#end;
  }

  /** Upper bound of `bytes` after this message is added. */
  bytesWith(message: MessageRecord): number {
    return this.bytes + bytesMaxOf(message);
  }

  add(message: MessageRecord): void {
    const { role, name, toolCallId, segments, fieldSegments = 0 } = message;
    this.#reserve(bytesMaxOf(message));
    for (const label of [role, name, toolCallId]) {
      const bytes = Buffer.from(label);
      this.#writeNumber(bytes.length);
      this.#end += bytes.copy(this.#block, this.#end);
    }
    this.#writeNumber(segments.length);
    this.#writeNumber(fieldSegments);
    for (const { hash, tokenCount } of segments) {
      this.#end += this.#block.write(hash, this.#end, 'hex');
      this.#writeNumber(tokenCount);
    }
    this.length += 1;
  }

  /** Returns the packed messages. Nothing may be added afterwards. */
  finish(): PackedMessages {
    return new PackedMessages([...this.#full, this.#block.subarray(0, this.#end)], this.length);
  }

  /** Reserves contiguous space: a record lies in one block. */
  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#block.length) return;
    if (this.#end > 0) this.#full.push(Buffer.from(this.#block.subarray(0, this.#end)));
    this.#fullBytes += this.#end;
    this.#block = Buffer.allocUnsafe(Math.max(blockBytes, bytes));
    this.#end = 0;
  }

  #writeNumber(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#block[this.#end++] = (rest % 0x80) | 0x80;
    this.#block[this.#end++] = rest;
  }
}

class Reader {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  get atEnd(): boolean {
    return this.#at === this.bytes.length;
  }

  record(): MessageRecord {
    const role = this.#text();
    const name = this.#text();
    const toolCallId = this.#text();
    const segments: NamedSegment[] = [];
    const count = this.#number();
    const fieldSegments = this.#number();
    for (let left = count; left > 0; left--) {
      const hash = segmentHashOf(this.bytes.subarray(this.#at, (this.#at += hashBytes)));
      segments.push({ hash, tokenCount: this.#number() });
    }
    return withFieldSegments({ role, name, toolCallId, segments }, fieldSegments);
  }

  #text(): string {
    const length = this.#number();
    return this.bytes.toString('utf8', this.#at, (this.#at += length));
  }

  #number(): number {
    let value = 0;
    for (let unit = 1; ; unit *= 0x80) {
      const byte = this.bytes[this.#at++]!;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  }
}

function bytesMaxOf({ role, name, toolCallId, segments }: MessageRecord): number {
  let bytes = 2 * varintBytesMax + segments.length * (hashBytes + varintBytesMax);
  for (const label of [role, name, toolCallId]) bytes += Buffer.byteLength(label) + varintBytesMax;
  return bytes;
}
