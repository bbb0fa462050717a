import { isUtf8 } from 'node:buffer';
import {
  closeList,
  closeObject,
  colon,
  comma,
  endOfScalar,
  endOfText,
  isBlankInJson,
  isOfScalar,
  openList,
  openObject,
  quote,
} from './scan.js';

/** Words that a parser takes: those of JSON, and the numbers that Python writes. */
const words = new Set(['true', 'false', 'null', 'NaN', 'Infinity']);

/** Place in a document, by what may come next. */
type Next = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'end';

/**
 * True for a line in UTF-8, of an object or a list, that no parser of JSON takes. An error of the parser
 * costs several times as much as this. False does not mean that the line is JSON.
 */
export function isNoJson(line: Buffer): boolean {
  if (line[0] !== openObject && line[0] !== openList) return false;
  let last = line.length - 1;
  while (isBlankInJson(line[last])) last--;
  // Other ends are refused before a parser is asked.
  return line[last] === line[0] + 2 && breaks(line) && isUtf8(line);
}

function breaks(line: Buffer): boolean {
  const open: number[] = [];
  let next: Next = 'value';
  for (let at = 0; at < line.length;) {
    const byte = line[at]!;
    if (isBlankInJson(byte)) {
      at++;
    } else if (next === 'end') {
      // Other blanks, and those of other languages, may be behind a document.
      if (open.length === 0) return byte > 0x20 && byte < 0x80;
      if (byte === open.at(-1)) open.pop();
      else if (byte === comma) next = open.at(-1) === closeList ? 'value' : 'key';
      else return true;
      at++;
    } else if (next === 'colon') {
      if (byte !== colon) return true;
      next = 'value';
      at++;
    } else if (next === 'key' || next === 'key or end') {
      if (byte === quote) {
        at = endOfText(line, at);
        if (at < 0) return true;
        next = 'colon';
      } else if (byte === closeObject && next === 'key or end') {
        open.pop();
        next = 'end';
        at++;
      } else return true;
    } else if (byte === openObject || byte === openList) {
      open.push(byte + 2);
      next = byte === openObject ? 'key or end' : 'value or end';
      at++;
    } else if (byte === closeList && next === 'value or end') {
      open.pop();
      next = 'end';
      at++;
    } else if (byte === quote) {
      at = endOfText(line, at);
      if (at < 0) return true;
      next = 'end';
    } else if (isOfScalar(byte)) {
      const end = endOfScalar(line, at);
      if (!mayBeScalar(line, at, end)) return true;
      next = 'end';
      at = end;
    } else return true;
  }
  return next !== 'end' || open.length > 0;
}

/** True for what begins as a number, and for words. */
function mayBeScalar(line: Buffer, from: number, to: number): boolean {
  const byte = line[from]!;
  return byte === 0x2d || (byte >= 0x30 && byte <= 0x39) || words.has(line.toString('latin1', from, to));
}
