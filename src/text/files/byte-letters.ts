/** Bytes that the byte-level alphabet writes as themselves: printable ones of Latin-1. */
function isPlain(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
}

/**
 * Letters of GPT-2's byte-level alphabet (bytes_to_unicode in openai/gpt-2, encoder.py): a printable byte is
 * its own letter, the others are U+0100 and what follows, in order.
 */
const byteOfLetter: ReadonlyMap<string, number> = new Map(
  Array.from({ length: 256 }, (_, byte) => {
    const others = Array.from({ length: byte }, (_, before) => before).filter((before) => !isPlain(before));
    return [String.fromCharCode(isPlain(byte) ? byte : 0x100 + others.length), byte] as const;
  }),
);

/** Returns the bytes of a token in the byte-level alphabet; undefined if it has other letters. */
export function bytesOfLetters(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let at = 0; at < token.length; at++) {
    const byte = byteOfLetter.get(token[at]!);
    if (byte === undefined) return undefined;
    bytes[at] = byte;
  }
  return bytes;
}
