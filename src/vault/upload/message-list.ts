import { limits, StowkenError, type MessageRecord, type NamedSegment } from '../../model/index.js';

const blockBytes = 64 * 1024;
const hashBytes = 32;
/** A varint of a JavaScript integer has at most 8 bytes; a record has four of them, and two for each segment. */
const varintBytesMax = 8;

/** The messages of an upload, as bytes: a list of objects would take many times their memory while the upload lasts. */
export class MessageList {
  readonly #full: Buffer[] = [];
  #block = Buffer.allocUnsafe(blockBytes);
  #end = 0;
  #fullBytes = 0;
  length = 0;

  /** @throws StowkenError REQUEST_TOO_LARGE */
  add({ role, name, toolCallId, segments }: MessageRecord): void {
    check('messages', this.length + 1, limits.uploadMessagesMax);
    const labels = [role, name, toolCallId].map((label) => Buffer.from(label));
    const labelBytes = labels.reduce((sum, label) => sum + label.length + varintBytesMax, 0);
    const bytes = labelBytes + varintBytesMax + segments.length * (hashBytes + varintBytesMax);
    check('bytes of its list of messages', this.#fullBytes + this.#end + bytes, limits.uploadListBytesMax);
    this.#reserve(bytes);
    for (const label of labels) {
      this.#writeNumber(label.length);
      this.#end += label.copy(this.#block, this.#end);
    }
    this.#writeNumber(segments.length);
    for (const { hash, tokenCount } of segments) {
      this.#end += this.#block.write(hash, this.#end, 'hex');
      this.#writeNumber(tokenCount);
    }
    this.length += 1;
  }

  /** All of them, as objects. */
  records(): MessageRecord[] {
    const records: MessageRecord[] = [];
    for (const block of [...this.#full, this.#block.subarray(0, this.#end)]) {
      const reader = new Reader(block);
      while (!reader.atEnd) records.push(reader.record());
    }
    return records;
  }

  /** A record lies in one block. */
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
    for (let left = this.#number(); left > 0; left--) {
      const hash = this.bytes.toString('hex', this.#at, (this.#at += hashBytes));
      segments.push({ hash, tokenCount: this.#number() });
    }
    return { role, name, toolCallId, segments };
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

function check(what: string, size: number, limit: number): void {
  if (size <= limit) return;
  throw new StowkenError('REQUEST_TOO_LARGE', `the upload has ${size} ${what}; the limit is ${limit}`, {
    size: String(size),
    limit: String(limit),
  });
}
