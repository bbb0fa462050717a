/** Fields of protobuf messages that are written in place, into a buffer whose size was computed first. */

export const lengthDelimitedType = 2;

/** Size of a varint in bytes. */
function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

/** Size of a varint field with its one-byte tag; 0 for the value 0. */
export function varintField(value: number): number {
  return value === 0 ? 0 : 1 + varintLength(value);
}

/** Size of a field of so many bytes, with its one-byte tag and its length. */
export function lengthDelimited(length: number): number {
  return 1 + varintLength(length) + length;
}

/** Writes a varint. Returns where the next field begins, as all of these do. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80;
  bytes[at++] = rest;
  return at;
}

/** Writes a varint field with its one-byte tag; nothing for the value 0. */
export function writeVarintField(bytes: Buffer, at: number, field: number, value: number): number {
  if (value === 0) return at;
  bytes[at] = field << 3;
  return writeVarint(bytes, at + 1, value);
}

/** Writes the tag and the length of a length-delimited field. */
export function writeHead(bytes: Buffer, at: number, field: number, length: number): number {
  bytes[at] = (field << 3) | 2;
  return writeVarint(bytes, at + 1, length);
}
