// The token core again, in plain TypeScript: short, slow and obviously right.
import { createHash } from 'node:crypto';

/** The canonical varint of one token. */
export function varint(token: number): number[] {
  const bytes: number[] = [];
  let rest = token;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...bytes, rest];
}

export function pack(tokens: Iterable<number>): Uint8Array {
  return Uint8Array.from([...tokens].flatMap(varint));
}

/** Returns the tokens of packed varints, including over-long forms; undefined if malformed. */
export function unpack(bytes: Uint8Array): number[] | undefined {
  const tokens: number[] = [];
  let value = 0n;
  let size = 0;
  for (const byte of bytes) {
    value += BigInt(byte & 0x7f) << BigInt(7 * size);
    size++;
    if (size > 10 || value > 0xffff_ffffn) return undefined;
    if (byte < 0x80) {
      tokens.push(Number(value));
      value = 0n;
      size = 0;
    }
  }
  return size === 0 ? tokens : undefined;
}

export function words(tokens: Iterable<number>): Uint8Array {
  const list = [...tokens];
  const bytes = Buffer.alloc(4 * list.length);
  list.forEach((token, index) => bytes.writeUInt32LE(token, 4 * index));
  return new Uint8Array(bytes);
}

export function hash(tokens: Iterable<number>): string {
  return createHash('sha256').update(words(tokens)).digest('hex');
}
