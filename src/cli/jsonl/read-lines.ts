import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { addAbortSignal, pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Io } from '../io.js';

/** One line of a file; numbers begin at 1. */
export interface Line {
  readonly number: number;
  /** Without its end; undefined when it is longer than the limit, and was passed over. */
  readonly bytes: Buffer | undefined;
}

const newline = 0x0a;

/** Splits bytes into lines, holding one line and one chunk at most. The last line may lack its end. */
export async function* splitLines(
  source: AsyncIterable<Buffer>,
  lineBytesMax: number,
): AsyncGenerator<Line, void, void> {
  let number = 1;
  let held: Buffer[] = [];
  let heldBytes = 0;

  const hold = (piece: Buffer) => {
    heldBytes += piece.length;
    if (heldBytes > lineBytesMax) held = [];
    else held.push(piece);
  };
  const release = (): Line => {
    const bytes = heldBytes > lineBytesMax ? undefined : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return { number: number++, bytes };
  };

  for await (const chunk of source) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      hold(chunk.subarray(from, end));
      from = end + 1;
      yield release();
    }
    if (from < chunk.length) hold(chunk.subarray(from));
  }
  if (heldBytes > 0) yield release();
}

/** The name for standard input on the command line. */
export const standardInput = '-';

/** Bytes of a file as they are on disk; 0 for what has no size, such as standard input. */
export async function sizeOf(file: string): Promise<number> {
  if (file === standardInput) return 0;
  return stat(file).then(
    ({ size }) => size,
    () => 0, // reading it will say why
  );
}

/**
 * The bytes of a file or of standard input, unzipped if they are gzip. They end with an AbortError when the signal
 * aborts. `onRead` hears of bytes before they are unzipped.
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

/** The first two bytes, if there are, and everything. */
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
  // An error of either stream ends the other, and comes out of the iteration.
  const unzipped = pipeline(Readable.from(source), createGunzip(), () => undefined);
  for await (const chunk of unzipped) yield chunk as Buffer;
}
