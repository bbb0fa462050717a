import { createHash } from 'node:crypto';
import { z } from 'zod';

/** Ways to split a text into pieces, by the tokenizer that each is known from (assembly/text/patterns.ts). */
export const patterns = ['o200k', 'cl100k', 'r50k', 'deepseek'] as const;

/** A tokenizer as it is kept in a file: byte-level byte-pair encoding. */
export interface Vocabulary {
  readonly pattern: (typeof patterns)[number];
  /** Limit of the digits in one piece. */
  readonly digits: number;
  /** Bytes of each token by id, one after the other. An id without a token has none. */
  readonly bytes: Uint8Array;
  /** Beginning of each token's bytes, and the end of the last one's. */
  readonly starts: Uint32Array;
  /** Ids of tokens that are decoded, and that text never becomes. */
  readonly special: readonly number[];
}

const magic = Buffer.from('stkvoc01');
const hashBytes = 32;

const headerSchema = z.strictObject({
  pattern: z.enum(patterns),
  digits: z.int().min(1).max(16),
  tokens: z.int().min(256).max(0x40_0000),
  special: z.array(z.int().min(0)),
});

/** Returns a vocabulary of tokens by id; holes are ids without a token. */
export function vocabularyOf(
  tokens: readonly (Uint8Array | undefined)[],
  rules: Pick<Vocabulary, 'pattern' | 'digits' | 'special'>,
): Vocabulary {
  const starts = new Uint32Array(tokens.length + 1);
  for (let id = 0; id < tokens.length; id++) starts[id + 1] = starts[id]! + (tokens[id]?.length ?? 0);
  const bytes = new Uint8Array(starts[tokens.length]!);
  for (let id = 0; id < tokens.length; id++) bytes.set(tokens[id] ?? [], starts[id]);
  const { pattern, digits, special } = rules;
  return { pattern, digits, bytes, starts, special };
}

/**
 * Returns a vocabulary's file: magic, length of the header (u32), header (JSON), length of each token (u16),
 * bytes of all tokens, SHA-256 of all before. Numbers are little-endian.
 */
export function writeVocabulary({ pattern, digits, bytes, starts, special }: Vocabulary): Buffer {
  const count = starts.length - 1;
  const header = Buffer.from(JSON.stringify({ pattern, digits, tokens: count, special }));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(header.length);
  const lengths = Buffer.alloc(2 * count);
  for (let id = 0; id < count; id++) lengths.writeUInt16LE(starts[id + 1]! - starts[id]!, 2 * id);
  const all = Buffer.concat([magic, size, header, lengths, bytes]);
  return Buffer.concat([all, createHash('sha256').update(all).digest()]);
}

/**
 * Reads a vocabulary's file. @throws Error if it is not one, or is damaged; `name` is what the error calls it
 */
export function readVocabulary(file: Buffer, name: string): Vocabulary {
  const all = file.subarray(0, file.length - hashBytes);
  const isWhole =
    file.length > magic.length + 4 + hashBytes &&
    magic.equals(file.subarray(0, magic.length)) &&
    createHash('sha256').update(all).digest().equals(file.subarray(all.length));
  if (!isWhole) throw new Error(`${name}: not a vocabulary, or damaged; build or install the program again`);
  const headerAt = magic.length + 4;
  const lengthsAt = headerAt + all.readUInt32LE(magic.length);
  const header = headerSchema.parse(JSON.parse(all.toString('utf8', headerAt, lengthsAt)));
  const starts = new Uint32Array(header.tokens + 1);
  for (let id = 0; id < header.tokens; id++) {
    starts[id + 1] = starts[id]! + all.readUInt16LE(lengthsAt + 2 * id);
  }
  const bytes = all.subarray(lengthsAt + 2 * header.tokens);
  if (bytes.length !== starts[header.tokens]) throw new Error(`${name}: its tokens have another length`);
  return { ...header, bytes, starts };
}
