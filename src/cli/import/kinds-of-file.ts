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

/** Limits of the lines that wait for another one of their kind. */
const waitingMax = 1000;
const waitingBytesMax = 4 * 1024 * 1024;

/** A line that says nothing, and why it is refused if no other of its kind comes. */
export interface Waiting {
  readonly where: string;
  readonly bytes: number;
  readonly draft: Draft;
  readonly error: unknown;
}

/**
 * The kinds of lines that a file has, by their keys. A line that says nothing, among others of its kind that
 * do, is a record of theirs: a call that failed, or an event between messages.
 */
export class KindsOfFile {
  readonly #kinds = new Set<string>();
  #waiting: (Waiting & { readonly kind: string })[] = [];
  #waitingBytes = 0;

  /** `onNew`: a kind was met of which no line had said anything. */
  constructor(private readonly onNew: () => void) {}

  /**
   * Reads a document. One that says nothing is a record if others of its kind said something; undefined if it
   * waits for one that does. @throws BadLine
   */
  read(where: string, value: Json, json: string, options: ReadOptions): Draft | undefined {
    try {
      const draft = readDocument(value, json, options);
      this.#learn(kindOf(value));
      return draft;
    } catch (error) {
      if (options.format !== undefined || !saysNothing(error, value)) throw error;
      const kind = kindOf(value);
      const draft = readRecord(value, json, options);
      if (this.#kinds.has(kind)) return draft;
      const bytes = json.length;
      const isFull = this.#waiting.length >= waitingMax || this.#waitingBytes + bytes > waitingBytesMax;
      if (isFull || this.#kinds.size >= kindsMax) throw error;
      this.#waiting.push({ where, bytes, draft, error, kind });
      this.#waitingBytes += bytes;
      return undefined;
    }
  }

  /** Takes the lines that waited for others of their kind, which have come. */
  takeRecords(): Waiting[] {
    return this.#take(({ kind }) => this.#kinds.has(kind));
  }

  /** Takes the lines for which no other came. */
  takeRefused(): Waiting[] {
    return this.#take(() => true);
  }

  #learn(kind: string): void {
    if (this.#kinds.size >= kindsMax || this.#kinds.has(kind)) return;
    this.#kinds.add(kind);
    this.onNew();
  }

  #take(isTaken: (waiting: Waiting & { readonly kind: string }) => boolean): Waiting[] {
    if (this.#waiting.length === 0) return [];
    const taken = this.#waiting.filter(isTaken);
    this.#waiting = this.#waiting.filter((each) => !isTaken(each));
    for (const { bytes } of taken) this.#waitingBytes -= bytes;
    return taken;
  }
}

function saysNothing(error: unknown, value: Json): boolean {
  if (isList(value)) return error instanceof BadLine && value.some(isObject);
  return error instanceof BadShape && error.hasNoSentences;
}

function kindOf(value: Json): string {
  return isObject(value) ? JSON.stringify(Object.keys(value).sort()) : typeof value;
}
