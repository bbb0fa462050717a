/** Wire types of protobuf that are still in use. */
export const wireTypes = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/**
 * Cursor over the fields of a protobuf message, for responses that come by the thousand: a decoder that makes
 * objects of them costs more than their content.
 */
export class WireReader {
  at: number;
  /** Number and wire type of the field that the cursor is in. */
  field = 0;
  type = 0;

  constructor(
    readonly bytes: Buffer,
    from = 0,
    readonly end = bytes.length,
  ) {
    this.at = from;
  }

  /** Moves on to the value of the next field; false at the end. @throws RangeError if it is cut off */
  next(): boolean {
    if (this.at >= this.end) {
      if (this.at > this.end) throw cutOff();
      return false;
    }
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.type = tag % 8;
    return true;
  }

  /** Reads a number. @throws RangeError if it is cut off, or above 2^53 - 1 */
  varint(): number {
    const { bytes, end } = this;
    let value = 0;
    for (let scale = 1; this.at < end; scale *= 128) {
      const byte = bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new RangeError(`${value} is beyond 2^53`);
        return value;
      }
    }
    throw cutOff();
  }

  /** Reads the size of a length-delimited field, and moves behind it. Returns where it begins. */
  skipped(): number {
    const length = this.varint();
    const from = this.at;
    this.at += length;
    if (this.at > this.end) throw cutOff();
    return from;
  }

  /** Returns a length-delimited field. A view. */
  slice(): Buffer {
    const from = this.skipped();
    return this.bytes.subarray(from, this.at);
  }

  text(): string {
    const from = this.skipped();
    return this.bytes.toString('utf8', from, this.at);
  }

  /** Returns a cursor over the message in a length-delimited field. */
  message(): WireReader {
    const from = this.skipped();
    return new WireReader(this.bytes, from, this.at);
  }

  /** Moves behind a field that is not known. @throws RangeError if its type is not known either */
  skip(): void {
    if (this.type === wireTypes.varint) this.varint();
    else if (this.type === wireTypes.lengthDelimited) this.skipped();
    else if (this.type === wireTypes.fixed64) this.at += 8;
    else if (this.type === wireTypes.fixed32) this.at += 4;
    else throw new RangeError(`a field has wire type ${this.type}`);
  }
}

function cutOff(): RangeError {
  return new RangeError('a message is cut off');
}
