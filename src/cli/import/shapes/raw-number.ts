import { randomUUID } from 'node:crypto';
import { isExact, isList, isObject, isRawNumber, type Json, rawNumber } from './json.js';

/** Mark of this process for such numbers in text of JSON: no file has it. */
const mark = `${randomUUID()}:`;

/** Texts, and everything that may be a number. */
const tokens = /"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)\b|-?\d[\d.eE+-]*/g;

/** Text that may have a number which JSON readers do not keep exactly. */
const longNumber = /\d{16}|\d[eE]\+?\d/;
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
  const isOdd = longNumber.test(json) && !isExact(parsed);
  if (tools.test(json) && pointed.test(json))
    return withRawNumbersInTools(parseWithRawNumbers(json, isWrittenSo), false);
  return isOdd ? parseWithRawNumbers(json) : parsed;
}

/** `isPlain`: true for numbers that stay numbers. */
function parseWithRawNumbers(json: string, isPlain = isExactNumber): Json {
  const marked = json.replace(tokens, (token, at: number) =>
    token.startsWith('"') || isPlain(token) || isKey(json, at + token.length) ? token : `"${mark}${token}"`,
  );
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

function isExactNumber(token: string): boolean {
  const number = Number(token);
  // The parser refuses other tokens.
  if (Number.isNaN(number)) return !token.endsWith('NaN');
  return Number.isInteger(number) ? Number.isSafeInteger(number) : Number.isFinite(number);
}

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
