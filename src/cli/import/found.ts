import type { Io } from '../io.js';
import { BadLine } from './bad-line.js';
import { KindsOfFile } from './kinds-of-file.js';
import { OpenSessions } from './open-sessions.js';
import { parseDocument, withoutStacks } from './parse.js';
import { RefusedLines } from './refused/refused-lines.js';
import {
  type Draft,
  isObject,
  type Json,
  OpenSession,
  type ReadOptions,
  sessionShapeOf,
  type Wrapped,
  wrappedIn,
} from './shapes/index.js';
import { readBatches, type SourceDocument, withOnly } from './sources/index.js';

/**
 * Limit of a line: far above the size that a server accepts as one request, far below the size of a string.
 * A session has no more bytes than this either.
 */
const lineBytesMax = 256 * 1024 * 1024;
/** A conversation that was read, and where. */
export interface Found {
  readonly where: string;
  readonly draft: Draft;
  readonly bytes: number;
}

/** Hears of what is read, and of what is refused. */
export interface ReadingReport {
  readonly onRead: (bytes: number) => void;
  readonly refuse: (where: string, error: unknown) => void;
  /** Counts a line that is refused for a reason that was given before. */
  readonly refuseAgain: (kind: string) => void;
  /** Hears what was left out of a file that is read. */
  readonly warn: (where: string, text: string) => void;
}

/** The conversations of files. Lines that are none are refused, and the others continue. */
export class FoundConversations {
  private readonly refused = new RefusedLines();
  private kinds = this.newKinds();

  constructor(
    private readonly options: ReadOptions,
    private readonly io: Io,
    private readonly signal: AbortSignal,
    private readonly report: ReadingReport,
  ) {}

  /**
   * Yields the conversations of a file: one for each document, or one for the events of a session.
   * `wasFound`: the file was found in a folder, and is no error if it holds nothing to import.
   */
  async *of(name: string, file: string, wasFound: boolean): AsyncGenerator<Found, void, void> {
    this.kinds = this.newKinds();
    const { io, signal, report } = this;
    const warn = (text: string) => report.warn(name, text);
    const batches = readBatches(file, io, lineBytesMax, signal, report.onRead, wasFound, warn);
    const sessions = new OpenSessions(lineBytesMax);
    for await (const { value: batch, isOnly } of withOnly(batches)) {
      for (const document of batch) {
        if (this.signal.aborted) return;
        if (this.isRefusedAgain(document, sessions.hasAny || isOnly)) continue;
        const where = `${name}:${document.number}`;
        const bytes = document.bytes?.length ?? 0;
        const read = this.read(where, document, sessions, isOnly);
        yield* this.kinds.takeRecords();
        if (read === undefined) continue;
        if (Array.isArray(read)) {
          const each = Math.ceil(bytes / read.length);
          for (const found of read) yield { ...found, bytes: each };
          continue;
        }
        if (read !== 'added') {
          yield* sessions.endOthers();
          if (read instanceof OpenSession) sessions.open(read, where, bytes);
          else yield { where, draft: read, bytes };
        }
        yield* sessions.endSurplus();
      }
    }
    yield* sessions.endAll();
    for (const { where, error } of this.kinds.takeRefused()) this.report.refuse(where, error);
  }

  /** A line that says something tells that others of its kind may be records: they are not refused unread. */
  private newKinds(): KindsOfFile {
    this.refused.beginFile();
    return new KindsOfFile(() => this.refused.spoken());
  }

  /** Counts a line that is like one that was refused; false for any other. */
  private isRefusedAgain({ bytes }: SourceDocument, mayBeOther: boolean): boolean {
    const kind = this.refused.kindOf(bytes, mayBeOther);
    if (kind !== undefined) this.report.refuseAgain(kind);
    return kind !== undefined;
  }

  /**
   * Reads a document: a conversation, an event of a session that is open ("added"), or the first event of
   * another one; the conversations in the list of a document that is alone in its file. Returns undefined for
   * a blank or a bad line.
   */
  private read(
    where: string,
    document: SourceDocument,
    open: OpenSessions,
    isOnly: boolean,
  ): Draft | OpenSession | 'added' | Omit<Found, 'bytes'>[] | undefined {
    return withoutStacks(() => {
      try {
        if (document.bytes === undefined && document.value === undefined)
          throw new BadLine(`the line is longer than ${lineBytesMax} bytes`);
        const parsed = parseDocument(document);
        if (parsed === undefined) return undefined;
        const { value, json } = parsed;
        if (isObject(value)) {
          if (open.add(value, document.bytes?.length ?? 0)) return 'added';
          const shape = sessionShapeOf(value, this.options);
          const begun = shape && new OpenSession(shape, this.options.zone);
          if (begun?.add(value)) return begun;
        }
        const wrapped = isOnly ? wrappedIn(value) : undefined;
        if (wrapped !== undefined) return [...this.readWrapped(where, wrapped)];
        return this.kinds.read(where, value, json, { ...this.options, alone: isOnly });
      } catch (error) {
        this.report.refuse(where, error);
        this.refused.add(document.bytes, error);
        return undefined;
      }
    });
  }

  /** Reads the elements of a list. The rest of its document is kept with the first of them. */
  private *readWrapped(
    where: string,
    { key, elements, rest }: Wrapped,
  ): Generator<Omit<Found, 'bytes'>, void, void> {
    let wrapper: Json | undefined = rest;
    for (const [index, element] of elements.entries()) {
      const at = `${where}:${key}[${index}]`;
      try {
        const draft = this.kinds.read(at, element, JSON.stringify(element), this.options);
        if (draft === undefined) continue;
        yield { where: at, draft: wrapper === undefined ? draft : { ...draft, wrapper } };
        wrapper = undefined;
      } catch (error) {
        this.report.refuse(at, error);
      }
    }
  }
}
