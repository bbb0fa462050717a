import { createHash } from 'node:crypto';
import { z } from 'zod';
import { limits } from '../../model/index.js';

/** A tokenizer whose text the library encodes. What its ids say is known without the library. */
export interface LibraryVocabulary {
  /** Type of its model, as the file names it: "Unigram". */
  readonly model: string;
  /** True if a space at the beginning of decoded text is none of the text. */
  readonly stripsSpace: boolean;
  /** Bytes of each token by id, one after the other. An id without a token has none. */
  readonly bytes: Uint8Array;
  /** Beginning of each token's bytes, and the end of the last one's. */
  readonly starts: Uint32Array;
  /** The tokenizer.json, without what is done around a text. */
  readonly json: string;
}

const magic = Buffer.from('stklib01');
const hashBytes = 32;

const headerSchema = z.strictObject({
  model: z.string(),
  stripsSpace: z.boolean(),
  tokens: z.int().min(0).max(limits.vocabularyTokensMax),
  bytes: z.int().min(0),
});

/** True if a vocabulary's file is one of the library. */
export function isLibraryFile(file: Uint8Array): boolean {
  return magic.equals(file.subarray(0, magic.length));
}

/**
 * Returns the file of a vocabulary: magic, length of the header (u32), header (JSON), length of each token
 * (u16), bytes of all tokens, the tokenizer.json, SHA-256 of all before. Numbers are little-endian.
 */
export function writeLibraryFile({ model, stripsSpace, bytes, starts, json }: LibraryVocabulary): Buffer {
  const tokens = starts.length - 1;
  const header = Buffer.from(JSON.stringify({ model, stripsSpace, tokens, bytes: bytes.length }));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(header.length);
  const lengths = Buffer.alloc(2 * tokens);
  for (let id = 0; id < tokens; id++) lengths.writeUInt16LE(starts[id + 1]! - starts[id]!, 2 * id);
  const all = Buffer.concat([magic, size, header, lengths, bytes, Buffer.from(json)]);
  return Buffer.concat([all, createHash('sha256').update(all).digest()]);
}

/** Reads the file of a vocabulary. @throws Error if it is not one, or is damaged */
export function readLibraryFile(file: Buffer, name: string): LibraryVocabulary {
  const all = file.subarray(0, file.length - hashBytes);
  const isWhole =
    file.length > magic.length + 4 + hashBytes &&
    isLibraryFile(file) &&
    createHash('sha256').update(all).digest().equals(file.subarray(all.length));
  if (!isWhole) throw new Error(`${name}: not a vocabulary of the library, or damaged`);
  const headerAt = magic.length + 4;
  const lengthsAt = headerAt + all.readUInt32LE(magic.length);
  const header = headerSchema.parse(JSON.parse(all.toString('utf8', headerAt, lengthsAt)));
  const starts = new Uint32Array(header.tokens + 1);
  for (let id = 0; id < header.tokens; id++)
    starts[id + 1] = starts[id]! + all.readUInt16LE(lengthsAt + 2 * id);
  const bytesAt = lengthsAt + 2 * header.tokens;
  const bytesEnd = bytesAt + header.bytes;
  if (starts[header.tokens] !== header.bytes || bytesEnd > all.length)
    throw new Error(`${name}: its tokens have another length`);
  const { model, stripsSpace } = header;
  const json = all.toString('utf8', bytesEnd);
  return { model, stripsSpace, starts, bytes: all.subarray(bytesAt, bytesEnd), json };
}
