import { isUtf8 } from 'node:buffer';
import { BadLine, notAnObject, notJson } from './bad-line.js';
import { mayHoldObject } from './refused/json-ends.js';
import { type Json, parseExactly, repeatedKey } from './shapes/index.js';
import type { SourceDocument } from './sources/index.js';

/** A document of a file, parsed. */
export interface ParsedDocument {
  readonly value: Json;
  /** Text that it was parsed from. */
  readonly json: string;
}

/** Marks of RFC 7464 before each value. */
const recordSeparators = /^\x1e+/;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Parses a document; undefined if it is blank. @throws BadLine */
export function parseDocument({ bytes, value }: SourceDocument): ParsedDocument | undefined {
  if (value !== undefined) return { value, json: JSON.stringify(value) };
  if (bytes === undefined) return undefined;
  if (mayHoldObject(bytes) && !isUtf8(bytes)) throw new BadLine('not UTF-8');
  const json = utf8.decode(bytes).replace(recordSeparators, '').trim();
  if (json === '') return undefined;
  return { value: parseJson(json), json };
}

/** Beginning of an object with a text as Python prints it, or a value that only Python has. */
const ofPython = /^[[{]\s*'|[{,]\s*"[^"]*":\s*(?:'|None\b|True\b|False\b)/;

const closing: Readonly<Record<string, string>> = { '{': '}', '[': ']', '"': '"' };

/** Parses trimmed text. Most of what is no object is refused without an error of the parser. */
function parseJson(json: string): Json {
  const end = closing[json[0]!];
  if (end === undefined || !json.endsWith(end)) {
    const begins = `begins with ${quoted(json[0]!)}`;
    const what =
      end === undefined ? begins : `${begins} and ends with ${quoted(json.at(-1)!)}, as one that is cut`;
    throw new BadLine(`${notAnObject}: it ${what}; JSON lines, JSON or Parquet are expected`, notAnObject);
  }
  let value: Json;
  try {
    value = parseExactly(json);
  } catch (error) {
    const advice = ofPython.test(json) ? '; it seems to be printed by Python: write it with json.dumps' : '';
    throw new BadLine(`${notJson}: ${(error as SyntaxError).message}${advice}`, notJson);
  }
  const key = repeatedKey(json, value);
  if (key === undefined) return value;
  throw new BadLine(
    `an object has the key ${quoted(key)} twice, and only one of the values could be kept`,
    'an object has a key twice',
  );
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/**
 * Runs work without stacks in its errors: nobody needs those of a bad line, and a million of them cost ten
 * seconds.
 */
export function withoutStacks<T>(work: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
