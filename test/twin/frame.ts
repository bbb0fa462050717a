// A frame of one block, decoded by the description in docs/formats/codec.md, in plain TypeScript.
import {
  CLASSES,
  END,
  ESCAPE,
  MATCH,
  ORDINARY_CLASSES,
  UNSEEN,
  type Table,
  type TwinRegistry,
} from './registry.js';

/** Returns the tokens of a block, which follows the frame's head. */
export function decodeBlock(registry: TwinRegistry, block: Uint8Array): number[] {
  const stateBytes = block.length <= 8 ? block.length : ((block.length - 5) % 4) + 5;
  let state = [...block.subarray(0, stateBytes)].reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  let at = stateBytes;

  const take = (start: number, share: number, bits: number) => {
    const slot = state & ((1n << BigInt(bits)) - 1n);
    state = BigInt(share) * (state >> BigInt(bits)) + slot - BigInt(start);
    if (state < 1n << 32n && at < block.length) {
      const word = Buffer.from(block.buffer, block.byteOffset + at, 4).readUInt32LE();
      state = (state << 32n) | BigInt(word);
      at += 4;
    }
  };
  const read = (table: Table, bits: number): number => {
    const slot = Number(state & ((1n << BigInt(bits)) - 1n));
    const index = table.starts.findIndex((start, i) => start <= slot && slot < table.starts[i + 1]!);
    take(table.starts[index]!, table.starts[index + 1]! - table.starts[index]!, bits);
    return table.values[index]!;
  };
  const raw = (bits: number): number => {
    const value = Number(state & ((1n << BigInt(bits)) - 1n));
    take(value, 1, bits);
    return value;
  };

  const tokens: number[] = [];
  for (let key: number | 'start' | 'unseen' = 'start'; ;) {
    const { followers, contextClass } = registry.contexts.get(key)!;
    let symbol = followers === undefined ? ESCAPE : read(followers, 12);
    if (symbol === ESCAPE) {
      const c = read(registry.classTables[contextClass]!, 12);
      symbol = c < ORDINARY_CLASSES ? read(registry.classes[c]!, 15) : CLASSES - 1 - c;
    }
    if (symbol === END) {
      if (state !== 0n || at !== block.length) throw new Error('not the end');
      return tokens;
    }
    if (symbol === MATCH) {
      const distanceBits = read(registry.distances, 12);
      const distance = 2 ** distanceBits + raw(distanceBits);
      const beyond = distance - tokens.length;
      const code = read(beyond > 0 ? registry.textLengths : registry.lengths, 12);
      const length = code < 12 ? code + 1 : (2 + (code % 2)) * 2 ** lengthBits(code) + raw(lengthBits(code));
      const start = registry.text.length - beyond;
      if (beyond > 0) tokens.push(...registry.text.slice(start, start + length));
      else for (let i = 0; i < length; i++) tokens.push(tokens.at(-distance)!);
    } else if (symbol === UNSEEN) {
      const bits = read(registry.unseen, 12);
      const low = raw(Math.min(16, Math.max(0, bits - 1)));
      const high = raw(Math.max(0, bits - 17));
      tokens.push(bits === 0 ? 0 : 2 ** (bits - 1) + high * 2 ** 16 + low);
    } else {
      tokens.push(...registry.spellings[symbol]!);
    }
    const last = tokens.at(-1)!;
    key = registry.contexts.has(last) ? last : 'unseen';
  }
}

function lengthBits(code: number): number {
  return 2 + ((code - 12) >> 1);
}
