/** Writes messages byte by byte, including those that no ordinary encoder would write. */

/** The shortest varint of a number below 2^53. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

export type RawField = readonly [number: number, value: number | Buffer];

/** Fields in this order: a number as a varint, bytes with their length. */
export function rawMessage(...fields: readonly RawField[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([field, value]) =>
      typeof value === 'number'
        ? [varint(field * 8), varint(value)]
        : [varint(field * 8 + 2), varint(value.length), value],
    ),
  );
}

/** Returns a Message whose packed tokens are these bytes, or these tokens. */
export function tokensMessage(tokens: Buffer | readonly number[]): Buffer {
  const packed = Buffer.isBuffer(tokens) ? tokens : Buffer.concat(tokens.map(varint));
  return rawMessage([4, rawMessage([1, packed])]);
}
