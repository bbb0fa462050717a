/**
 * Headers of gRPC calls in HPACK, RFC 7541, without a dynamic table, which neither side of a connection
 * needs.
 */

/** Indexes in the static table. */
const staticTable = { authority: 1, methodPost: 3, path: 4, schemeHttp: 6, contentType: 31 } as const;

/** A request's header block. */
export function encodeRequestHeaders(authority: string, path: string): Buffer {
  return Buffer.from([
    ...integer(0x80, 7, staticTable.methodPost),
    ...integer(0x80, 7, staticTable.schemeHttp),
    ...[...integer(0, 4, staticTable.path), ...plain(path)],
    ...[...integer(0, 4, staticTable.authority), ...plain(authority)],
    ...[...integer(0, 4, staticTable.contentType), ...plain('application/grpc')],
    ...[...integer(0, 4, 0), ...plain('te'), ...plain('trailers')],
  ]);
}

/** Encodes an integer in the low bits of its first byte, and in further bytes if they do not suffice. */
function integer(pattern: number, bits: number, value: number): number[] {
  const full = (1 << bits) - 1;
  if (value < full) return [pattern | value];
  const bytes = [pattern | full];
  let rest = value - full;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

function plain(text: string): number[] {
  return [...integer(0, 7, text.length), ...Buffer.from(text, 'latin1')];
}

/** Returns the `grpc-status` of a response's block; undefined if it has none. */
export function grpcStatusOf(block: Buffer): number | undefined {
  const reader = new Reader(block);
  while (!reader.atEnd) {
    const first = reader.peek();
    if (first >= 0x80) reader.integer(7);
    else if (first >= 0x20 && first < 0x40) reader.integer(5);
    else {
      const named = reader.integer(first >= 0x40 ? 6 : 4) > 0;
      const name = named ? undefined : reader.text();
      const value = reader.text();
      if (name !== undefined && statusName.has(name)) return statuses.get(value);
    }
  }
  return undefined;
}

class Reader {
  #at = 0;

  constructor(private readonly block: Buffer) {}

  get atEnd(): boolean {
    return this.#at >= this.block.length;
  }

  peek(): number {
    return this.block[this.#at]!;
  }

  integer(bits: number): number {
    const full = (1 << bits) - 1;
    let value = this.block[this.#at++]! & full;
    if (value < full) return value;
    for (let unit = 1; ; unit *= 0x80) {
      const byte = this.block[this.#at++]!;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  }

  /** Reads a string's bytes, each as one character, after one that gives their coding. */
  text(): string {
    const isCoded = this.peek() >= 0x80;
    const length = this.integer(7);
    return (isCoded ? CODED : PLAIN) + this.block.toString('latin1', this.#at, (this.#at += length));
  }
}

const PLAIN = '=';
const CODED = '~';

/** Part of Huffman's code that a status needs. */
const codes: Readonly<Record<string, string>> = {
  ...{ '0': '00000', '1': '00001', '2': '00010', '3': '011001', '4': '011010', '5': '011011' },
  ...{ '6': '011100', '7': '011101', '8': '011110', '9': '011111', '-': '010110', a: '00011' },
  ...{ c: '00100', g: '100110', p: '101011', r: '101100', s: '01000', t: '01001', u: '101101' },
};

/** Returns both forms of a text on the wire, as Reader.text() returns them. */
function forms(text: string): string[] {
  const bits = [...text].map((letter) => codes[letter]).join('');
  const bytes = bits.match(/.{1,8}/g)!.map((byte) => Number.parseInt(byte.padEnd(8, '1'), 2));
  return [PLAIN + text, CODED + String.fromCharCode(...bytes)];
}

const statusName: ReadonlySet<string> = new Set(forms('grpc-status'));
const statuses: ReadonlyMap<string, number> = new Map(
  Array.from({ length: 17 }, (_, status) =>
    forms(String(status)).map((form) => [form, status] as const),
  ).flat(),
);
