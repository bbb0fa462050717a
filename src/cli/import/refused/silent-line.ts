import { isUtf8 } from 'node:buffer';
import { endOfNumber, endOfPlainText, isKey, isPhrase } from './values.js';
import { isNoJson } from './no-json.js';
import {
  backslash,
  closeObject,
  endOfScalar,
  endOfText,
  isBlankInJson,
  isOfScalar,
  openObject,
  quote,
} from './scan.js';
import { isTelling } from './telling-keys.js';

/** Limit of the lines that are looked at. */
const lineBytesMax = 16 * 1024;

/** Words of JSON. */
const words = new Set(['true', 'false', 'null']);

/**
 * True for a line that says nothing for certain, whatever its keys: no shape knows one of them, and its
 * values are texts of few words, numbers and truth values. So a file of ever new keys is refused without
 * being parsed.
 */
export function isSilent(line: Buffer): boolean {
  if (line.length > lineBytesMax || line[0] !== openObject) return false;
  let last = line.length - 1;
  while (isBlankInJson(line[last])) last--;
  if (line[last] !== closeObject || isNoJson(line) || !isUtf8(line)) return false;
  for (let at = 1; at < last;) {
    const byte = line[at]!;
    if (byte === quote) {
      const end = endOfText(line, at);
      if (end < 0) return false;
      if (isKey(line, end)) {
        if (!isStrange(line, at + 1, end - 1)) return false;
      } else if (end > at + 2 && (endOfPlainText(line, at) !== end || !isPhrase(line, at, end))) return false;
      at = end;
    } else if (isOfScalar(byte)) {
      const end = endOfScalar(line, at);
      if (endOfNumber(line, at) !== end && !words.has(line.toString('latin1', at, end))) return false;
      at = end;
    } else at++;
  }
  return true;
}

/** True for a key, in plain letters, that no shape knows. */
function isStrange(line: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (line[at] === backslash || line[at]! >= 0x80) return false;
  return !isTelling(line.toString('latin1', from, to));
}
