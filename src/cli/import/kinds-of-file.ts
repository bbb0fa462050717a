import { BadLine, BadShape } from './bad-line.js';
import {
  type Draft,
  isList,
  isObject,
  type Json,
  readDocument,
  type ReadOptions,
  readRecord,
} from './shapes/index.js';

/** Limit of the kinds of a file that are remembered. */
const kindsMax = 64;

/**
 * The kinds of lines that a file has, by their keys. A line that says nothing, among others of its kind that
 * do, is a record of theirs: a call that failed, or an event between messages.
 */
export class KindsOfFile {
  readonly #kinds = new Set<string>();

  /** Reads a document; one that says nothing only if others of its kind said something. @throws BadLine */
  read(value: Json, json: string, options: ReadOptions): Draft {
    try {
      const draft = readDocument(value, json, options);
      if (this.#kinds.size < kindsMax) this.#kinds.add(kindOf(value));
      return draft;
    } catch (error) {
      const isRecord = options.format === undefined && saysNothing(error, value);
      if (isRecord && this.#kinds.has(kindOf(value))) return readRecord(value, json, options);
      throw error;
    }
  }
}

function saysNothing(error: unknown, value: Json): boolean {
  if (isList(value)) return error instanceof BadLine && value.some(isObject);
  return error instanceof BadShape && error.hasNoSentences;
}

function kindOf(value: Json): string {
  return isObject(value) ? JSON.stringify(Object.keys(value).sort()) : typeof value;
}
