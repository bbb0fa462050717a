import { createHash } from 'node:crypto';
import { brotliDecompressSync } from 'node:zlib';
import type { Tables } from '../tables/environment.js';
import { decodeTokenizer } from '../tables/kept-tokenizers.js';
import { guarded, intact, type Report } from './check-report.js';

const INVARIANT = 'tokenizers';
const HASH_BYTES = 32;

/** Checks that every vocabulary unpacks to the one that its hash names, with which its file ends. */
export function* checkTokenizers(tables: Tables, report: Report): Generator<number, void, void> {
  const subjectOf = (key: Buffer) => `tokenizer ${key.toString('utf8')}`;
  for (const { key, value } of intact(tables.tokenizers, report, INVARIANT, subjectOf)) {
    guarded(report, INVARIANT, subjectOf(key), () => {
      const { sha256, packed } = decodeTokenizer(value);
      if (hashOf(packed) !== sha256)
        report(INVARIANT, subjectOf(key), 'has another vocabulary than its hash says');
    });
    yield 0;
  }
}

/** Returns the hash of a packed file; undefined if it is not whole. */
function hashOf(packed: Uint8Array): string | undefined {
  try {
    const file = brotliDecompressSync(packed);
    const end = file.length - HASH_BYTES;
    const hash = createHash('sha256').update(file.subarray(0, end)).digest('hex');
    return file.toString('hex', end) === hash ? hash : undefined;
  } catch {
    return undefined;
  }
}
