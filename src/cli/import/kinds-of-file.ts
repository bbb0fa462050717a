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
const kindsMax = 256;

/** Limit of the kinds of silent lines of which it is remembered what they are. */
const judgedMax = 1000;

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

/** Keys from which some of those of another kind are more than a chance. */
const keysMin = 2;

/** Keys of which the value names the kind of an event: lines that have the same one are events of one log. */
const eventKeys = ['type', 'event', 'event_type', 'action', 'kind'] as const;

/** A kind of lines of which one said something. */
interface Known {
  readonly keys: ReadonlySet<string>;
  readonly eventKey: string | undefined;
}

/**
 * The kinds of lines that a file has, by their keys. A line that says nothing, among others that do, is a
 * record of theirs if it has the same keys or some of them, is an event of the same log, or is the head of
 * the file: a call that failed, an event between messages, or a line that names the schema of the others.
 */
export class KindsOfFile {
  readonly #kinds = new Map<string, Known>();
  /** Kinds of silent lines, and whether they are of a kind that is known. */
  readonly #judged = new Map<string, boolean>();
  #waiting: (Waiting & { readonly kind: string })[] = [];
  #waitingBytes = 0;
  /** True if a kind was met since lines that wait were looked at. */
  #hasNew = false;
  /** Kind of the first line, if it says nothing and the second one does. */
  #head: string | undefined;
  /** Documents that were read. */
  #read = 0;

  /** `onNew`: a kind was met of which no line had said anything. */
  constructor(private readonly onNew: () => void) {}

  /**
   * Reads a document. One that says nothing is a record if others of its kind said something; undefined if it
   * waits for one that does. @throws BadLine
   */
  read(where: string, value: Json, json: string, options: ReadOptions): Draft | undefined {
    this.#read++;
    try {
      const draft = readDocument(value, json, options);
      // The line that is the head of a file is a record of the lines behind it, whatever it has.
      if (this.#read === 2 && this.#waiting.length === 1) this.#head = this.#waiting[0]?.kind;
      this.#learn(value);
      return draft;
    } catch (error) {
      if (options.format !== undefined || !saysNothing(error, value)) throw error;
      const kind = kindOf(value);
      const bytes = json.length;
      const isFull = this.#waiting.length >= waitingMax || this.#waitingBytes + bytes > waitingBytesMax;
      const isRecord = this.#isKnown(kind);
      if (!isRecord && (isFull || this.#kinds.size >= kindsMax)) throw error;
      const draft = readRecord(value, json, options);
      if (isRecord) return draft;
      this.#waiting.push({ where, bytes, draft, error, kind });
      this.#waitingBytes += bytes;
      return undefined;
    }
  }

  /** Takes the lines that waited for others of their kind, which have come. */
  takeRecords(): Waiting[] {
    if (!this.#hasNew) return [];
    this.#hasNew = false;
    return this.#take(({ kind }) => this.#isKnown(kind));
  }

  /** Takes the lines for which no other came. */
  takeRefused(): Waiting[] {
    return this.#take(() => true);
  }

  #learn(value: Json): void {
    if (this.#kinds.size >= kindsMax) return;
    const kind = kindOf(value);
    if (this.#kinds.has(kind)) return;
    this.#kinds.set(kind, knownOf(kind));
    this.#judged.clear();
    this.#hasNew = true;
    this.onNew();
  }

  #isKnown(kind: string): boolean {
    if (this.#kinds.size === 0) return false;
    if (kind === this.#head) return true;
    let judged = this.#judged.get(kind);
    if (judged === undefined) {
      judged = this.#kinds.has(kind) || this.#isOfKnown(knownOf(kind));
      if (this.#judged.size >= judgedMax) this.#judged.clear();
      this.#judged.set(kind, judged);
    }
    return judged;
  }

  #isOfKnown({ keys, eventKey }: Known): boolean {
    return [...this.#kinds.values()].some(
      (known) =>
        (eventKey !== undefined && eventKey === known.eventKey) ||
        (keys.size >= keysMin && [...keys].every((key) => known.keys.has(key))),
    );
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

/** Returns the keys of a line, as JSON; those of a list are none. */
function kindOf(value: Json): string {
  return JSON.stringify(isObject(value) ? Object.keys(value).sort() : typeof value);
}

function knownOf(kind: string): Known {
  const parsed = JSON.parse(kind) as string | string[];
  const keys = new Set(typeof parsed === 'string' ? [] : parsed);
  return { keys, eventKey: eventKeys.find((key) => keys.has(key)) };
}
