import { createHash } from 'node:crypto';
import { z } from 'zod';
import { limits } from '../model/index.js';

/** Ways to split a text into pieces, by the tokenizer that each is known from (assembly/text/patterns.ts). */
export const patterns = [
  ...(['o200k', 'cl100k', 'r50k', 'deepseek', 'tekken'] as const),
  ...(['spaces', 'metaspace', 'whole'] as const),
] as const;

/** Places of the space that is put before a text. */
export const prefixes = ['none', 'first', 'missing', 'each'] as const;

/** Rules of a tokenizer whose merges begin with characters, as SentencePiece's do. */
export interface Characters {
  /** Tokens of the 256 bytes, for characters without a token. */
  readonly bytes: readonly number[];
  /**
   * Each: before every stretch between added tokens; missing: if it begins with none; first: as missing, of
   * the first stretch.
   */
  readonly prefix: (typeof prefixes)[number];
}

/** A token that is looked for in a text before the text is split into pieces. */
export interface AddedToken {
  readonly id: number;
  /** True if it is looked for after the text was normalized, false if before. */
  readonly normalized: boolean;
  /** True if a text never becomes this token. It may still hide others that overlap it. */
  readonly special: boolean;
  /** True: its spaces stand for U+2581 in a text. */
  readonly marks?: boolean | undefined;
  /** True: blanks before it, or behind it, are part of it. */
  readonly lstrip?: boolean | undefined;
  readonly rstrip?: boolean | undefined;
}

/** Rules of a tokenizer, beside the bytes of its tokens. */
export interface Rules {
  readonly pattern: (typeof patterns)[number];
  /** Limit of the digits in one piece. */
  readonly digits: number;
  /** Ids of tokens that are decoded, and that no piece of text becomes. */
  readonly special: readonly number[];
  /** Ids of tokens that a piece never becomes as a whole, because merges do not make them of its bytes. */
  readonly unmade?: readonly number[] | undefined;
  readonly added?: readonly AddedToken[] | undefined;
  /** True if text is brought to normalization form C first. */
  readonly nfc?: boolean | undefined;
  /** Absent: merges begin with bytes. Else a space is a space in the bytes of a token, not U+2581. */
  readonly characters?: Characters | undefined;
  /**
   * Merges in their order, u32 each: left id, right id, id of the result. Absent: every way in which a token
   * is made of two, ranked by its id.
   */
  readonly merges?: Uint32Array | undefined;
}

/** A tokenizer as it is kept in a file: byte-pair encoding of bytes, or of characters. */
export interface Vocabulary extends Rules {
  /** Bytes of each token by id, one after the other. An id without a token has none. */
  readonly bytes: Uint8Array;
  /** Beginning of each token's bytes, and the end of the last one's. */
  readonly starts: Uint32Array;
}

const magic = Buffer.from('stkvoc01');
const hashBytes = 32;

/** Words of a merge. */
export const mergeWords = 3;

const id = z.int().min(0);
const headerSchema = z.strictObject({
  pattern: z.enum(patterns),
  digits: z.int().min(1).max(16),
  tokens: z.int().min(256).max(limits.vocabularyTokensMax),
  special: z.array(id),
  unmade: z.array(id).optional(),
  added: z
    .array(
      z.strictObject({
        id,
        normalized: z.boolean(),
        special: z.boolean(),
        marks: z.boolean().optional(),
        lstrip: z.boolean().optional(),
        rstrip: z.boolean().optional(),
      }),
    )
    .optional(),
  nfc: z.boolean().optional(),
  characters: z.strictObject({ bytes: z.array(id).length(256), prefix: z.enum(prefixes) }).optional(),
  merges: z.int().min(0).optional(),
});

/** Returns a vocabulary of tokens by id; holes are ids without a token. */
export function vocabularyOf(tokens: readonly (Uint8Array | undefined)[], rules: Rules): Vocabulary {
  const starts = new Uint32Array(tokens.length + 1);
  for (let id = 0; id < tokens.length; id++) starts[id + 1] = starts[id]! + (tokens[id]?.length ?? 0);
  const bytes = new Uint8Array(starts[tokens.length]!);
  for (let id = 0; id < tokens.length; id++) bytes.set(tokens[id] ?? [], starts[id]);
  const { pattern, digits, special, unmade, added, nfc, characters, merges } = rules;
  return { pattern, digits, special, unmade, added, nfc, characters, merges, bytes, starts };
}

/** Returns how many tokens there are. */
export function tokensIn({ starts }: Pick<Vocabulary, 'starts'>): number {
  let count = 0;
  for (let id = 0; id + 1 < starts.length; id++) if (starts[id + 1]! > starts[id]!) count++;
  return count;
}

/**
 * Returns a vocabulary's file: magic, length of the header (u32), header (JSON), length of each token (u16),
 * bytes of all tokens, merges (u32), SHA-256 of all before. Numbers are little-endian. Two files that make
 * the same tokens of every text may differ; equal vocabularies have equal files.
 */
export function writeVocabulary(vocabulary: Vocabulary): Buffer {
  const { pattern, digits, special, unmade, added, nfc, characters, merges, bytes, starts } = vocabulary;
  const count = starts.length - 1;
  const header = Buffer.from(
    JSON.stringify({
      ...{ pattern, digits, tokens: count, special, unmade, added, nfc, characters },
      merges: merges && merges.length / mergeWords,
    }),
  );
  const size = Buffer.alloc(4);
  size.writeUInt32LE(header.length);
  const lengths = Buffer.alloc(2 * count);
  for (let id = 0; id < count; id++) lengths.writeUInt16LE(starts[id + 1]! - starts[id]!, 2 * id);
  const words = merges ? new Uint8Array(merges.slice().buffer) : new Uint8Array(0);
  const all = Buffer.concat([magic, size, header, lengths, bytes, words]);
  return Buffer.concat([all, createHash('sha256').update(all).digest()]);
}

/** Returns the SHA-256 with which a vocabulary's file ends, in hex. */
export function hashOfVocabulary(file: Uint8Array): string {
  return Buffer.from(file.subarray(file.length - hashBytes)).toString('hex');
}

/** True if bytes are the file that ends with this hash, of itself. */
export function isVocabularyOf(file: Uint8Array, sha256: string): boolean {
  const end = file.length - hashBytes;
  if (end < 0 || hashOfVocabulary(file) !== sha256) return false;
  return createHash('sha256').update(file.subarray(0, end)).digest('hex') === sha256;
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
  const bytesAt = lengthsAt + 2 * header.tokens;
  const bytesEnd = bytesAt + starts[header.tokens]!;
  const mergesEnd = bytesEnd + 4 * mergeWords * (header.merges ?? 0);
  if (all.length !== mergesEnd) throw new Error(`${name}: its tokens have another length`);
  const merges =
    header.merges === undefined
      ? undefined
      : new Uint32Array(new Uint8Array(all.subarray(bytesEnd, mergesEnd)).buffer);
  return { ...header, merges, bytes: all.subarray(bytesAt, bytesEnd), starts };
}
