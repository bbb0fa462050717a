import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { addAbortSignal, pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Io } from '../io.js';

/** A line of a file; numbers begin at 1. */
export interface Line {
  readonly number: number;
  /** Without its end; undefined if it is longer than the limit, and was skipped. */
  readonly bytes: Buffer | undefined;
}

const newline = 0x0a;

/** Splits bytes into lines, holding at most one line and one chunk. The last line may lack its end. */
export async function* splitLines(
  source: AsyncIterable<Buffer>,
  lineBytesMax: number,
): AsyncGenerator<Line, void, void> {
  for await (const lines of lineBatches(source, lineBytesMax)) yield* lines;
}

/** Yields the lines that end in each chunk together: a promise for each would cost more than its bytes. */
export async function* lineBatches(
  source: AsyncIterable<Buffer>,
  lineBytesMax: number,
): AsyncGenerator<readonly Line[], void, void> {
  let number = 1;
  let held: Buffer[] = [];
  let heldBytes = 0;

  const hold = (piece: Buffer) => {
    heldBytes += piece.length;
    if (heldBytes > lineBytesMax) held = [];
    else held.push(piece);
  };
  const release = (): Line => {
    const bytes = heldBytes > lineBytesMax ? undefined : held.length === 1 ? held[0]! : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return { number: number++, bytes };
  };

  for await (const chunk of source) {
    const lines: Line[] = [];
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      hold(chunk.subarray(from, end));
      from = end + 1;
      lines.push(release());
    }
    if (from < chunk.length) hold(chunk.subarray(from));
    if (lines.length > 0) yield lines;
  }
  if (heldBytes > 0) yield [release()];
}

/** The name for standard input on the command line. */
export const standardInput = '-';

/** Returns a file's size on disk; 0 for files without a size, such as standard input. */
export async function sizeOf(file: string): Promise<number> {
  if (file === standardInput) return 0;
  return stat(file).then(
    ({ size }) => size,
    () => 0, // Reading it will report the error.
  );
}

/**
 * Yields the bytes of a file or of standard input, unzipped if they are gzip. They end with an AbortError
 * when the signal aborts. `onRead` is called with the number of bytes before unzipping.
 */
export async function* readSource(
  file: string,
  { stdin }: Pick<Io, 'stdin'>,
  signal?: AbortSignal,
  onRead: (bytes: number) => void = () => undefined,
): AsyncGenerator<Buffer, void, void> {
  const stream = file === standardInput ? stdin : createReadStream(file);
  const raw: AsyncIterable<Buffer> = signal === undefined ? stream : addAbortSignal(signal, stream);
  const { head, rest } = await peek(counted(raw, onRead));
  if (!isGzip(head)) yield* rest;
  else yield* gunzip(rest);
}

async function* counted(source: AsyncIterable<Buffer>, onRead: (bytes: number) => void) {
  for await (const chunk of source) {
    onRead(chunk.length);
    yield chunk;
  }
}

/** Returns the first two bytes, if there are two, and an iterable of everything. */
async function peek(source: AsyncGenerator<Buffer>): Promise<{ head: Buffer; rest: AsyncGenerator<Buffer> }> {
  let head = Buffer.alloc(0);
  while (head.length < 2) {
    const next = await source.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* rest() {
    if (head.length > 0) yield head;
    yield* source;
  }
  return { head, rest: rest() };
}

function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

async function* gunzip(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  // An error of either stream ends the other, and is thrown by the iteration.
  const unzipped = pipeline(Readable.from(source), createGunzip(), () => undefined);
  for await (const chunk of unzipped) yield chunk as Buffer;
}
