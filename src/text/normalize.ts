import { runsOf } from './code-point-runs.js';
import type { Slices } from './slices.js';

/** Bytes of text that are normalized together: some milliseconds. */
const sliceBytes = 64 * 1024;
/** First byte of U+0300. Letters below it are as they must be, and none of them joins one before it. */
const firstMark = 0xcc;

/**
 * Normalization form C as Hugging Face's tokenizers have it: of Unicode 9, for good. Letters of later
 * versions are left as they are, and nothing joins them or is ordered across them. What an earlier version
 * knows is normalized alike by every later one, so that the program that runs this does not matter.
 */
export class Normalizer {
  readonly #newer: RegExp;

  /** `known`: runs of code points, 1 for those that are normalized; see tokenizers/make-classes.mjs. */
  constructor(known: Uint8Array) {
    const ranges: string[] = [];
    let from = 0;
    for (const [end, value] of runsOf(known)) {
      if (value === 0) ranges.push(`\\u{${from.toString(16)}}-\\u{${(end - 1).toString(16)}}`);
      from = end;
    }
    this.#newer = new RegExp(`[${ranges.join('')}]+`, 'gu');
  }

  normalize(text: string): string {
    let normalized = '';
    let from = 0;
    for (const { 0: newer, index } of text.matchAll(this.#newer)) {
      normalized += text.slice(from, index).normalize('NFC') + newer;
      from = index + newer.length;
    }
    return normalized + text.slice(from).normalize('NFC');
  }

  /** Returns a text in UTF-8 normalized; the very same if it is that already. */
  *normalizeBytes(text: Uint8Array): Slices<Uint8Array> {
    const parts: Uint8Array[] = [];
    let same = true;
    for (let from = 0; from < text.length;) {
      const to = cutFrom(text, Math.min(text.length, from + sliceBytes));
      const part = text.subarray(from, to);
      const normalized = hasMarks(part) ? this.#part(part) : part;
      if (normalized !== part) same = false;
      parts.push(normalized);
      from = to;
      if (from < text.length) yield;
    }
    return same ? text : Buffer.concat(parts);
  }

  #part(part: Uint8Array): Uint8Array {
    const text = Buffer.from(part.buffer, part.byteOffset, part.length).toString('utf8');
    const normalized = this.normalize(text);
    return normalized === text ? part : Buffer.from(normalized);
  }
}

function hasMarks(text: Uint8Array): boolean {
  for (const byte of text) if (byte >= firstMark) return true;
  return false;
}

/**
 * Returns the first place from `at` on before which a text may be cut: a letter that joins none before it.
 */
function cutFrom(text: Uint8Array, at: number): number {
  // ASCII, or U+5000 to U+9FFF.
  while (at < text.length && text[at]! >= 0x80 && !(text[at]! >= 0xe5 && text[at]! <= 0xe9)) at++;
  return at;
}
