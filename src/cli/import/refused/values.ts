import { isExactNumber } from '../shapes/index.js';
import {
  backslash,
  closeList,
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

/** Digits that a number may have to be kept exactly. */
const digitsMax = 15;

/** Blanks of a text that is no sentence for certain. */
const blanksMax = 2;

type IsOfKind = (line: Buffer, from: number, end: number) => boolean;

/** Returns the place behind a text that holds no JSON, and is of a kind; -1 for others. */
export function endOfPlainTextOf(line: Buffer, at: number, isOfKind: IsOfKind): number {
  const end = endOfPlainText(line, at);
  return end < 0 || isOfKind(line, at, end) ? end : -1;
}

/** Returns the place behind a list of numbers, truth values, nothings and phrases; -1 for others. */
export function endOfScalars(line: Buffer, from: number): number {
  return endOfList(line, from, endOfScalarOrPhrase);
}

function endOfScalarOrPhrase(line: Buffer, at: number): number {
  if (line[at] === quote) return endOfPlainTextOf(line, at, isPhrase);
  const end = endOfNumber(line, at);
  if (end >= 0) return end;
  const isNull = line[at] === 0x6e && line.toString('latin1', at, endOfScalar(line, at)) === 'null';
  return isNull ? at + 4 : endOfTruth(line, at);
}

/** Returns the place behind a list of plain numbers of which the first has a fraction; -1 for others. */
export function endOfFractions(line: Buffer, from: number): number {
  if (line[from] !== openList) return -1;
  const at = afterBlanks(line, from + 1);
  const first = endOfPlainNumber(line, at);
  if (first < 0 || Number.isInteger(Number(line.toString('latin1', at, first)))) return -1;
  return endOfList(line, from, endOfPlainNumber);
}

/** Returns the place behind a list in which each item ends where `endOfItem` says; -1 for others. */
function endOfList(line: Buffer, from: number, endOfItem: (line: Buffer, at: number) => number): number {
  if (line[from] !== openList) return -1;
  let at = afterBlanks(line, from + 1);
  if (line[at] === closeList) return at + 1;
  for (;;) {
    const end = endOfItem(line, at);
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

/** True for a text of too few words for a sentence, whatever it is. */
export function isPhrase(line: Buffer, from: number, end: number): boolean {
  let blanks = 0;
  for (let at = from; at < end; at++) {
    const byte = line[at]!;
    if (byte === backslash || byte >= 0x80) return false;
    if (byte === 0x20 && ++blanks > blanksMax) return false;
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
  return endOfNumber(line, from) === to && isExactNumber(line.toString('latin1', from, to)) ? to : -1;
}

/** Returns the place behind a number of JSON, with any digits; -1 for others. */
export function endOfNumber(line: Buffer, from: number): number {
  const begun = line[from] === 0x2d ? from + 1 : from;
  let at = endOfDigits(line, begun);
  if (at === begun || (line[begun] === 0x30 && at > begun + 1)) return -1;
  if (line[at] === 0x2e) {
    const point = at + 1;
    at = endOfDigits(line, point);
    if (at === point) return -1;
  }
  if (line[at] === 0x65 || line[at] === 0x45) {
    const sign = line[at + 1];
    const exponent = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1;
    at = endOfDigits(line, exponent);
    if (at === exponent) return -1;
  }
  return isOfScalar(line[at]) ? -1 : at;
}

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
export function endOfTruth(line: Buffer, at: number): number {
  const end = endOfScalar(line, at);
  const word = end - at === 4 || end - at === 5 ? line.toString('latin1', at, end) : '';
  return word === 'true' || word === 'false' ? end : -1;
}
