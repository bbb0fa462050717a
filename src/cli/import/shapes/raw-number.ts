import { randomUUID } from 'node:crypto';
import { isExact, isList, isObject, isRawNumber, type Json, rawNumber } from './json.js';

/** Mark of this process for such numbers in text of JSON: no file has it. */
const mark = `${randomUUID()}:`;

/** Texts, and everything that may be a number. */
const tokens = /"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)\b|-?\d[\d.eE+-]*/g;

/** Digits that a double keeps, whatever number they are. */
const digitsKept = 15;
/** Digits that tell each double from all others: no reader of JSON has more. */
const digitsMax = 17;

/** Text that may have an integer which JSON readers do not keep exactly, or a zero below zero. */
const oddNumber = /\d{16}|\d[eE]\+?\d|-0(?![\d.])|-0\.0/;
/** Numbers of more digits than a double keeps whatever they are, in texts or not. */
const longNumbers = /-?\d(?:\.?\d){15}[\d.eE+-]*/g;
/** Text that may have a number that is too small for a double. */
const tinyNumber = /\d[eE]-\d{3}/;
/** Numbers that Python writes and JSON lacks. */
const noNumber = /NaN|Infinity/;

/** Text with tools, of which chat templates write the numbers as they are. */
const tools = /"(?:tools|functions)"\s*:/;
/** A number that JavaScript writes otherwise, in nearly all texts that have one. */
const pointed = /\d\.\d*0(?!\d)|\d[eE]/;

/**
 * Parses JSON; numbers that would not be kept exactly become raw ones, and those of tools that would be
 * written otherwise, such as 1.0. @throws SyntaxError
 */
export function parseExactly(json: string): Json {
  let parsed: Json;
  try {
    parsed = JSON.parse(json) as Json;
  } catch (error) {
    if (!noNumber.test(json)) throw error;
    return parseWithRawNumbers(json);
  }
  const isOdd = mayLoseDigits(json) || (oddNumber.test(json) && !isExact(parsed));
  if (tools.test(json) && pointed.test(json))
    return withRawNumbersInTools(parseWithRawNumbers(json, isWrittenSo), false);
  return isOdd ? parseWithRawNumbers(json, isExactNumber, parsed) : parsed;
}

function mayLoseDigits(json: string): boolean {
  if (tinyNumber.test(json)) return true;
  for (const [number] of json.matchAll(longNumbers)) if (String(Number(number)) !== number) return true;
  return false;
}

/** `isPlain`: true for numbers that stay numbers. `parsed`: what is returned if all of them do. */
function parseWithRawNumbers(json: string, isPlain = isExactNumber, parsed?: Json): Json {
  const marked = json.replace(tokens, (token, at: number) =>
    token.startsWith('"') || isPlain(token) || isKey(json, at + token.length) ? token : `"${mark}${token}"`,
  );
  if (parsed !== undefined && marked === json) return parsed;
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? rawNumber(value.slice(mark.length)) : value,
  ) as Json;
}

/** True if what ends there stands before a colon: no number is a key. */
function isKey(json: string, end: number): boolean {
  let at = end;
  while (/\s/.test(json[at] ?? '')) at++;
  return json[at] === ':';
}

/** True for the text of a number that JSON readers keep exactly. */
export function isExactNumber(token: string): boolean {
  const number = Number(token);
  if (String(number) === token) return isExact(number);
  // The parser refuses other tokens.
  if (Number.isNaN(number)) return !token.endsWith('NaN');
  return isExact(number) && hasAllDigits(number, digitsOf(token));
}

/** Returns the digits of a number that say something: those between the zeros at its ends. */
function digitsOf(token: string): string {
  return token
    .replace(/[eE].*/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+|0+$/g, '');
}

/** True if a double gives back all digits of the text that it was read from. */
function hasAllDigits(number: number, digits: string): boolean {
  if (number === 0 || digits === '') return number === 0 && digits === '';
  const isFine = digits.length > digitsKept || Math.abs(number) < smallestNormal;
  return !isFine || (digits.length <= digitsMax && digitsOf(number.toPrecision(digits.length)) === digits);
}

/** Numbers nearer to zero have fewer digits. */
const smallestNormal = 2 ** -1022;

/** True for a number that JavaScript writes as it is. */
function isWrittenSo(token: string): boolean {
  return isExactNumber(token) && String(Number(token)) === token;
}

/** Returns the value with raw numbers only in tools, or where a number would not be kept exactly. */
function withRawNumbersInTools(value: Json, inTools: boolean): Json {
  if (isRawNumber(value)) return inTools || !isExactNumber(value.text) ? value : Number(value.text);
  if (isList(value)) return value.map((item) => withRawNumbersInTools(item, inTools));
  if (!isObject(value)) return value;
  return Object.fromEntries<Json>(
    Object.entries(value).map(([key, item]) => [
      key,
      withRawNumbersInTools(item, inTools || key === 'tools' || key === 'functions'),
    ]),
  );
}

/** Writes a document of which numbers may be raw ones as JSON. */
export function writeWithRawNumbers(value: Json): string {
  let hasSome = false;
  const json = JSON.stringify(value, function (this: Record<string, unknown>, key, item: unknown) {
    const original = this[key];
    if (!isRawNumber(original)) return item;
    hasSome = true;
    return `${mark}${original.text}`;
  });
  return hasSome ? json.replace(new RegExp(`"${mark}([^"]*)"`, 'g'), '$1') : json;
}

/** Returns the value with texts in place of raw numbers; the very same value if there is none. */
export function withoutRawNumbers(value: Json): Json {
  return holdsRawNumber(value) ? withTexts(value) : value;
}

/** Looks without making anything: nearly all values have none. */
function holdsRawNumber(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (isRawNumber(value)) return true;
  return isList(value) ? value.some(holdsRawNumber) : Object.values(value).some(holdsRawNumber);
}

function withTexts(value: Json): Json {
  if (isRawNumber(value)) return value.text;
  if (isList(value)) return value.map(withTexts);
  if (!isObject(value)) return value;
  return Object.fromEntries<Json>(Object.entries(value).map(([key, item]) => [key, withTexts(item)]));
}
