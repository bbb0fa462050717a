import { isUtf8 } from 'node:buffer';
import { isExactNumber } from '../shapes/index.js';
import {
  backslash,
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

/** Marks of a pattern, for any value of a kind. JSON has no such bytes. */
const anyText = 1;
const anyNumber = 2;
const anyTruth = 3;
/** Text that is no sentence for certain: one word, without escapes and other scripts. */
const anyWord = 4;
/** List of numbers that are no token ids: the first has a fraction. */
const anyFractions = 5;
const lastMark = anyFractions;

/** Limit of the lines that become a pattern. */
const lineBytesMax = 16 * 1024;

/** Digits that a number may have to be kept exactly. */
const digitsMax = 15;

/** Keys whose texts decide what an object is. */
const decisiveKeys = new Set([
  'type',
  'source',
  'role',
  'object',
  'kind',
  'format',
  'record_type',
  'run_type',
  'model',
]);

/** Keys of tools, whose numbers are texts unless they are written as JavaScript writes them: 5, not 5.0. */
const keysOfTools = new Set(['tools', 'functions']);

/**
 * The lines that differ from one line of JSON only in the texts, numbers and truth values under their keys:
 * those are of the same shape. Items of lists, texts that may hold JSON, and texts that decide what an object
 * is must be the same.
 */
export class LinePattern {
  private constructor(private readonly bytes: Uint8Array) {}

  /**
   * Returns the pattern of a line that was parsed; undefined if it is too long, has tools, or keys with
   * escapes. `ofWord`: its texts stand for others of one word only.
   */
  static of(line: Buffer, ofWord: boolean): LinePattern | undefined {
    if (line.length > lineBytesMax) return undefined;
    const made = new Uint8Array(line.length);
    let length = 0;
    const inLists: boolean[] = [];
    let key = '';
    for (let at = 0; at < line.length;) {
      const byte = line[at]!;
      const isFree = inLists.at(-1) === false && !decisiveKeys.has(key);
      let end = at + 1;
      let mark: number | undefined;
      if (byte === quote) {
        end = endOfText(line, at);
        if (end < 0) return undefined;
        if (isKey(line, end)) {
          key = line.toString('utf8', at + 1, end - 1);
          if (key.includes('\\') || keysOfTools.has(key)) return undefined;
        } else if (isFree && endOfPlainText(line, at) === end) {
          if (!ofWord) mark = anyText;
          else if (isWord(line, at, end)) mark = anyWord;
        }
      } else if (isOfScalar(byte)) {
        end = endOfScalar(line, at);
        if (isFree && endOfPlainNumber(line, at) === end) mark = anyNumber;
        else if (isFree && endOfTruth(line, at) === end) mark = anyTruth;
      } else if (byte === openObject || byte === openList) {
        const behind = byte === openList && isFree ? endOfFractions(line, at) : -1;
        if (behind >= 0) [mark, end] = [anyFractions, behind];
        else inLists.push(byte === openList);
      } else if (byte === closeObject || byte === closeList) inLists.pop();
      if (mark !== undefined) made[length++] = mark;
      else for (; at < end; at++) made[length++] = line[at]!;
      at = end;
    }
    return new LinePattern(made.slice(0, length));
  }

  matches(line: Buffer): boolean {
    const { bytes } = this;
    let at = 0;
    for (let index = 0; index < bytes.length; index++) {
      const expected = bytes[index]!;
      if (expected > lastMark) {
        if (line[at] !== expected) return false;
        at++;
        continue;
      }
      at = endOfAny(expected, line, at);
      if (at < 0) return false;
    }
    return at === line.length && isUtf8(line);
  }
}

function endOfAny(mark: number, line: Buffer, at: number): number {
  if (mark === anyText || mark === anyWord) {
    const end = endOfPlainText(line, at);
    return mark === anyText || end < 0 || isWord(line, at, end) ? end : -1;
  }
  if (mark === anyFractions) return endOfFractions(line, at);
  return mark === anyNumber ? endOfPlainNumber(line, at) : endOfTruth(line, at);
}

/** Returns the place behind a list of plain numbers of which the first has a fraction; -1 for others. */
function endOfFractions(line: Buffer, from: number): number {
  if (line[from] !== openList) return -1;
  let at = afterBlanks(line, from + 1);
  const first = endOfPlainNumber(line, at);
  if (first < 0 || Number.isInteger(Number(line.toString('latin1', at, first)))) return -1;
  for (;;) {
    const end = endOfPlainNumber(line, at);
    if (end < 0) return -1;
    at = afterBlanks(line, end);
    if (line[at] === closeList) return at + 1;
    if (line[at] !== comma) return -1;
    at = afterBlanks(line, at + 1);
  }
}

function afterBlanks(line: Buffer, from: number): number {
  let at = from;
  while (isBlankInJson(line[at])) at++;
  return at;
}

export function isKey(line: Buffer, end: number): boolean {
  return line[afterBlanks(line, end)] === colon;
}

/**
 * Returns the place behind a text that holds no JSON and is not empty, by its first character; -1 for others.
 * JSON in a text may have blanks before it.
 */
export function endOfPlainText(line: Buffer, at: number): number {
  if (line[at] !== quote) return -1;
  const first = line[at + 1]!;
  const isOther = first === quote || first === backslash || first === openList || first === openObject;
  return isOther || mayBeginBlank(first, line[at + 2]!) ? -1 : endOfText(line, at);
}

/** True for a text of one word, whatever it is. */
export function isWord(line: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) {
    const byte = line[at]!;
    if (byte === backslash || byte >= 0x80 || byte === 0x20) return false;
  }
  return true;
}

/** True for bytes that begin a blank: a control character, a space, or one of other languages. */
function mayBeginBlank(first: number, second: number): boolean {
  if (first < 0x80) return first <= 0x20;
  if (first === 0xe3) return second === 0x80;
  return first === 0xc2 || first === 0xe1 || first === 0xe2 || first === 0xef;
}

/** Returns the place behind a number that every reader keeps as it is; -1 for others. */
export function endOfPlainNumber(line: Buffer, from: number): number {
  const end = endOfShortNumber(line, from);
  if (end >= 0 || !isDigit(line[line[from] === 0x2d ? from + 1 : from])) return end;
  // Numbers of measurements have all digits of a double, and exponents.
  const to = endOfScalar(line, from);
  const token = line.toString('latin1', from, to);
  return isJsonNumber.test(token) && isExactNumber(token) ? to : -1;
}

const isJsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function endOfShortNumber(line: Buffer, from: number): number {
  let at = line[from] === 0x2d ? from + 1 : from;
  const begun = at;
  at = endOfDigits(line, at);
  if (at === begun || (line[begun] === 0x30 && at > begun + 1)) return -1;
  if (line[at] === 0x2e) {
    const point = at + 1;
    at = endOfDigits(line, point);
    if (at === point) return -1;
  }
  return at - begun > digitsMax || isOfScalar(line[at]) ? -1 : at;
}

function endOfDigits(line: Buffer, from: number): number {
  let at = from;
  while (line[at]! >= 0x30 && line[at]! <= 0x39) at++;
  return at;
}

/** Returns the place behind true or false; -1 for others. */
function endOfTruth(line: Buffer, at: number): number {
  const end = endOfScalar(line, at);
  const word = end - at === 4 || end - at === 5 ? line.toString('latin1', at, end) : '';
  return word === 'true' || word === 'false' ? end : -1;
}
