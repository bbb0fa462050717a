import type { OpenSession } from './shapes/index.js';
import { type Draft, type JsonObject } from './shapes/index.js';

/** Limit of the sessions that are open at once. */
const sessionsMax = 64;

/** A session that is read, and where it began. */
interface Opened {
  readonly session: OpenSession;
  readonly where: string;
  bytes: number;
}

/** A session that has ended. */
export interface Ended {
  readonly where: string;
  readonly draft: Draft;
  readonly bytes: number;
}

/**
 * The sessions of a file whose events come one by one, the one of the last event first. One whose events name
 * it stays open while other lines come: streams of answers are logged as they arrive.
 */
export class OpenSessions {
  #opened: Opened[] = [];
  #bytes = 0;

  /** `bytesMax`: limit of the bytes of all that are open. */
  constructor(private readonly bytesMax: number) {}

  get hasAny(): boolean {
    return this.#opened.length > 0;
  }

  /** Gives an event to its session; false if none of those that are open takes it. */
  add(event: JsonObject, bytes: number): boolean {
    const named = this.#opened.findIndex(({ session }) => session.isNamedBy(event) && session.add(event));
    const found = named < 0 ? this.#opened.findIndex(({ session }) => session.add(event)) : named;
    if (found < 0) return false;
    const [opened] = this.#opened.splice(found, 1);
    opened!.bytes += bytes;
    this.#bytes += bytes;
    this.#opened.unshift(opened!);
    return true;
  }

  /** Begins a session. */
  open(session: OpenSession, where: string, bytes: number): void {
    this.#opened.unshift({ session, where, bytes });
    this.#bytes += bytes;
  }

  /** Ends the sessions that another line ends, before it is read further. */
  endOthers(): Ended[] {
    return this.#end(({ session }) => session.shape.mayMingle !== true);
  }

  /** Ends the sessions that are too many, the longest unheard first. */
  endSurplus(): Ended[] {
    const ended: Ended[] = [];
    while (this.#opened.length > sessionsMax || (this.hasAny && this.#bytes > this.bytesMax)) {
      const last = this.#opened.at(-1);
      ended.push(...this.#end((each) => each === last));
    }
    return ended;
  }

  /** Ends all, in the order in which they were last heard. */
  endAll(): Ended[] {
    return this.#end(() => true);
  }

  #end(isEnded: (opened: Opened) => boolean): Ended[] {
    const ended = this.#opened.filter(isEnded).reverse();
    if (ended.length === 0) return [];
    this.#opened = this.#opened.filter((each) => !ended.includes(each));
    for (const { bytes } of ended) this.#bytes -= bytes;
    return ended.map(({ session, where, bytes }) => ({ where, draft: session.finish(), bytes }));
  }
}
