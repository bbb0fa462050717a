// Trains registry 0: `npm run build && node registry-0/make.mjs FOLDER`, where FOLDER has each package of
// sources.mjs unpacked in a folder of its name. The same packages give the same bytes.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { builtInRegistryId, trainHere } from '../build/src/codec/index.js';
import { loadCore } from '../build/src/core/index.js';
import { readTexts } from './read.mjs';
import { sources } from './sources.mjs';

/**
 * Length of a sample's segments, like that of messages, because begins and ends of segments are learnt too.
 */
const SEGMENT_TOKENS = 600;
const SEGMENT_TOKENS_MIN = 20;
/**
 * Limit of phrases: foreign text repeats little word for word, so more phrases make the registry larger
 * without making frames smaller.
 */
const PHRASES_MAX = 6_000;

/** Bits that a follower must save: statistics of foreign text hold only where they are plain. */
const FOLLOWER_BITS_MIN = 30;

const folder = process.argv[2];
const core = await loadCore();
const segments = sources.flatMap((source) => [...segmentsOf(source)]);
const bytes = trainHere(core.module, segments, {
  id: builtInRegistryId,
  phrasesMax: PHRASES_MAX,
  // No passage of anybody's text is included.
  textTokensMax: 0,
  followerBitsMin: FOLLOWER_BITS_MIN,
});
writeFileSync(new URL('registry.bin', import.meta.url), bytes);
process.stdout.write(`${segments.length} segments, ${bytes.length} bytes\n`);

function* segmentsOf(source) {
  const name = source.package.replace(/^npm /, '').split(' ')[0];
  const from = join(folder, name);
  if (!existsSync(from)) throw new Error(`${from} is not there: unpack ${source.package}`);
  let left = source.tokens;
  for (const text of readTexts(from, source)) {
    const tokens = encode(text, { disallowedSpecial: new Set() });
    for (let at = 0; at < tokens.length && left > 0; at += SEGMENT_TOKENS) {
      const segment = tokens.slice(at, at + SEGMENT_TOKENS);
      if (segment.length < SEGMENT_TOKENS_MIN) continue;
      left -= segment.length;
      yield core.fromTokens(Uint32Array.from(segment));
    }
    if (left <= 0) return;
  }
}
