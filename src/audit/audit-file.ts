import { appendFile, open, rename, stat } from 'node:fs/promises';
import { limits } from '../model/index.js';
import type { AuditEvent, AuditPage, AuditQuery, AuditSink, AuditSource, RecordedEvent } from './event.js';
import { fromLine, toLine } from './line.js';
import { linesBackward } from './lines-backward.js';

export interface AuditFileOptions {
  readonly file: string;
  /** Size at which a file is followed by another one. */
  readonly bytesMax: number;
  /** Number of files that are kept: FILE, FILE.1, FILE.2 and so on, the newest first. */
  readonly filesMax: number;
  /** Called when events cannot be written, once until they can be again. */
  readonly onError: (error: unknown) => void;
}

export interface AuditFigures {
  /** Events that are not written yet. */
  readonly waiting: number;
  readonly lost: number;
  /** Writes that failed. */
  readonly failures: number;
}

/**
 * The audit log: lines of JSON, one event each, in files of a bounded size and number. One process writes it.
 * Writes and reads happen one after the other, so that a rotation never comes between. A call does not wait
 * for its event: what was recorded in the last moment before a crash may be missing. When the disk refuses
 * events, they wait in memory, up to a bound; beyond it they are lost, and a line says how many.
 */
export class AuditFile implements AuditSink, AuditSource {
  #last: Promise<unknown> = Promise.resolve();
  #waiting: AuditEvent[] = [];
  #isWriting = false;
  #lost = 0;
  #failed = false;
  #lostInAll = 0;
  #failures = 0;

  private constructor(
    private readonly options: AuditFileOptions,
    private readonly names: readonly string[],
    private number: number,
  ) {}

  /** @throws Error if the file cannot be written */
  static async open(options: AuditFileOptions): Promise<AuditFile> {
    const { file, filesMax } = options;
    const names = Array.from({ length: filesMax }, (_, n) => (n === 0 ? file : `${file}.${n}`));
    await endLine(file);
    return new AuditFile(options, names, await lastNumber(names));
  }

  /** Counts for those who watch it. */
  get figures(): AuditFigures {
    return { waiting: this.#waiting.length, lost: this.#lostInAll, failures: this.#failures };
  }

  record(event: AuditEvent): void {
    if (this.#waiting.length >= limits.auditWaitingMax) {
      this.#lost += 1;
      this.#lostInAll += 1;
    } else this.#waiting.push(event);
    if (this.#isWriting) return;
    this.#isWriting = true;
    // Events of one turn of the event loop are written together.
    setImmediate(() => void this.#inOrder(() => this.#write()));
  }

  async list(query: AuditQuery): Promise<AuditPage> {
    const events: RecordedEvent[] = [];
    return this.#inOrder(async () => {
      await this.#write();
      let scanned = 0;
      for (const name of this.names) {
        for await (const line of linesBackward(name)) {
          const event = fromLine(line);
          if (event === undefined || event.number >= (query.before ?? Infinity)) continue;
          scanned += 1;
          if (isWanted(event, query)) events.push(event);
          if (events.length === query.limit || scanned === limits.pageScanMax)
            return { events, next: event.number };
        }
      }
      return { events };
    });
  }

  /** Writes what waits. Nothing is recorded any more. */
  async close(): Promise<void> {
    await this.#inOrder(() => this.#write());
  }

  async #write(): Promise<void> {
    this.#isWriting = false;
    const waiting = this.#waiting;
    const lost = this.#lost;
    this.#waiting = [];
    this.#lost = 0;
    const events = lost > 0 ? [...waiting, lostEvents(lost)] : waiting;
    let written = 0;
    try {
      while (written < events.length) written += await this.#writeSome(events.slice(written));
      this.#failed = false;
    } catch (error) {
      // They are tried again with the next event.
      this.#waiting = [...waiting.slice(written), ...this.#waiting];
      this.#lost += lost;
      this.#failures += 1;
      if (!this.#failed) this.options.onError(error);
      this.#failed = true;
    }
  }

  /** Appends as many events as the file may have, and one at least; returns how many. */
  async #writeSome(events: readonly AuditEvent[]): Promise<number> {
    const { file, bytesMax } = this.options;
    let bytes = await sizeOf(file);
    let count = 0;
    const lines: string[] = [];
    for (const event of events) {
      const line = toLine({ ...event, number: this.number + count + 1 });
      const length = Buffer.byteLength(line);
      if (bytes > 0 && bytes + length > bytesMax) break;
      bytes += length;
      count += 1;
      lines.push(line);
    }
    if (count === 0) {
      await this.#rotate();
      return 0;
    }
    await appendFile(file, lines.join(''), { mode: 0o600 });
    this.number += count;
    return count;
  }

  async #rotate(): Promise<void> {
    for (let n = this.names.length - 1; n > 0; n--)
      await rename(this.names[n - 1]!, this.names[n]!).catch(ifMissing);
    if (this.names.length === 1) await (await open(this.names[0]!, 'w', 0o600)).close();
  }

  #inOrder<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#last.then(task);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

function isWanted({ timeMs, vault, identity }: RecordedEvent, query: AuditQuery): boolean {
  return (
    (query.vault === undefined || vault === query.vault) &&
    (query.identity === undefined || identity === query.identity) &&
    timeMs >= (query.startMs ?? -Infinity) &&
    timeMs < (query.endMs ?? Infinity)
  );
}

function lostEvents(count: number): AuditEvent {
  const facts = { timeMs: Date.now(), peer: '', method: 'audit', ids: [], idCount: 0 };
  return { ...facts, result: 'EVENTS_LOST', repeated: count };
}

/** Ends a line that a crash has cut off, and creates a missing file. */
async function endLine(file: string): Promise<void> {
  const handle = await open(file, 'a+', 0o600);
  try {
    const { size } = await handle.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    if (size > 0 && last[0] !== 10) await handle.write('\n');
  } finally {
    await handle.close();
  }
}

async function lastNumber(names: readonly string[]): Promise<number> {
  for (const name of names) {
    for await (const line of linesBackward(name)) {
      const event = fromLine(line);
      if (event !== undefined) return event.number;
    }
  }
  return 0;
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(ifMissing);
  return found?.size ?? 0;
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
