import { isUtf8 } from 'node:buffer';
import { isOfIdentifier, isOfLabel, partOf } from '../shapes/index.js';
import {
  closeList,
  closeObject,
  endOfScalar,
  endOfText,
  isOfScalar,
  openList,
  openObject,
  quote,
} from './scan.js';
import { isTelling } from './telling-keys.js';
import {
  endOfFractions,
  endOfNumber,
  endOfPlainNumber,
  endOfPlainText,
  endOfPlainTextOf,
  endOfScalars,
  endOfTruth,
  isKey,
  isPhrase,
  isWord,
} from './values.js';

/** Marks of a pattern, for any value of a kind. JSON has no such bytes. */
const anyText = 1;
const anyNumber = 2;
const anyTruth = 3;
/** Text that is no sentence for certain: one word, without escapes and other scripts. */
const anyWord = 4;
/** List of numbers that are no token ids: the first has a fraction. */
const anyFractions = 5;
/** Text of so few words that it is no sentence, without escapes and other scripts. */
const anyPhrase = 6;
/** Number with any digits: its key is one that no shape knows. */
const anyDigits = 7;
/** List of numbers, truth values, nothings and phrases, under such a key. */
const anyScalars = 8;
const lastMark = anyScalars;

/** Limit of the lines that become a pattern. */
const lineBytesMax = 16 * 1024;

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

/** Key of messages: a text in their place is read only if it is a sentence, or may hold JSON. */
const keyOfMessages = 'messages';

/** Keys of tools, whose numbers are texts unless they are written as JavaScript writes them: 5, not 5.0. */
const keysOfTools = new Set(['tools', 'functions']);

/** An object or a list that is open while a line is read. */
interface Open {
  readonly isList: boolean;
  /** True if the keys around it make no text in it one that somebody says. */
  readonly isQuiet: boolean;
}

/**
 * The lines that differ from one line of JSON only in the texts, numbers and truth values under their keys:
 * those are of the same shape. Items of lists, texts that may hold JSON, and texts that decide what an object
 * is must be the same, unless no shape knows their key.
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
    const open: Open[] = [];
    let key = '';
    /** True if no shape knows the key. */
    let isStrange = false;
    for (let at = 0; at < line.length;) {
      const byte = line[at]!;
      const around = open.at(-1);
      const isFree = around?.isList === false && !decisiveKeys.has(key);
      const isQuiet = around?.isQuiet ?? true;
      let end = at + 1;
      let mark: number | undefined;
      if (byte === quote) {
        end = endOfText(line, at);
        if (end < 0) return undefined;
        if (isKey(line, end)) {
          key = line.toString('utf8', at + 1, end - 1);
          if (key.includes('\\') || keysOfTools.has(key)) return undefined;
          isStrange = !isTelling(key);
        } else if (isFree && endOfPlainText(line, at) === end) {
          const isUnread = isQuiet && (isStrange || isOfIdentifier(key) || key === keyOfMessages);
          if (!ofWord) mark = anyText;
          else if (isUnread && isPhrase(line, at, end)) mark = anyPhrase;
          else if (isWord(line, at, end)) mark = anyWord;
        }
      } else if (isOfScalar(byte)) {
        end = endOfScalar(line, at);
        if (isFree && isStrange && endOfNumber(line, at) === end) mark = anyDigits;
        else if (isFree && endOfPlainNumber(line, at) === end) mark = anyNumber;
        else if (isFree && endOfTruth(line, at) === end) mark = anyTruth;
      } else if (byte === openObject || byte === openList) {
        const isList = byte === openList;
        const scalars = isList && isFree && isStrange && isQuiet ? endOfScalars(line, at) : -1;
        const fractions = isList && isFree && scalars < 0 ? endOfFractions(line, at) : -1;
        if (scalars >= 0) [mark, end] = [anyScalars, scalars];
        else if (fractions >= 0) [mark, end] = [anyFractions, fractions];
        else open.push({ isList, isQuiet: isQuiet && isQuietKey(key) });
      } else if (byte === closeObject || byte === closeList) open.pop();
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
  switch (mark) {
    case anyText:
      return endOfPlainText(line, at);
    case anyWord:
      return endOfPlainTextOf(line, at, isWord);
    case anyPhrase:
      return endOfPlainTextOf(line, at, isPhrase);
    case anyFractions:
      return endOfFractions(line, at);
    case anyScalars:
      return endOfScalars(line, at);
    case anyDigits:
      return endOfNumber(line, at);
    case anyNumber:
      return endOfPlainNumber(line, at);
    default:
      return endOfTruth(line, at);
  }
}

/** True for a key around texts that makes none of them one that is asked or answered. */
function isQuietKey(key: string): boolean {
  return partOf(key) === undefined && !isOfLabel(key);
}
