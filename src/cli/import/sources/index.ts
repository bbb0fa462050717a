import { createReadStream, type ReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import type { Io } from '../../io.js';
import { standardInput } from '../../jsonl/read-lines.js';
import type { Json } from '../shapes/index.js';
import { headBytes, holdsJson, parquetMagic, startsWith, unpacked } from './decode.js';
import { inMemory, onDisk, parquetRows } from './parquet.js';
import { asUtf8 } from './text-encoding.js';
import { documentBatches } from './values.js';

export { filesOf } from './files.js';
export { withOnly } from './only.js';

/** Error for a file that was found in a folder, and holds nothing to import: a README, a licence. */
export class NoData extends Error {
  override readonly name = 'NoData';

  constructor() {
    super('neither JSON nor Parquet');
  }
}

/** A document of a file: the bytes of its JSON, or a value that another format had. */
export interface SourceDocument {
  /** Line on which it begins, or row; begins at 1. */
  readonly number: number;
  /** Undefined if it is longer than the limit, and was skipped. */
  readonly bytes?: Buffer | undefined;
  readonly value?: Json;
}

/** Yields the documents of a file one by one: see `readBatches`. */
export async function* readDocuments(
  ...given: Parameters<typeof readBatches>
): AsyncGenerator<SourceDocument, void, void> {
  for await (const batch of readBatches(...given)) yield* batch;
}

/**
 * Yields the documents of a file or of standard input, unpacked, whatever its encoding; those that were read
 * together in one batch. They end with an AbortError when the signal aborts. `onRead` is called with the
 * number of bytes on disk, `warn` with what was left out of the file.
 * @throws BadLine if the file is of a kind that cannot be read; NoData if it was found in a folder, and holds
 *   neither JSON nor Parquet
 */
export async function* readBatches(
  file: string,
  { stdin }: Pick<Io, 'stdin'>,
  bytesMax: number,
  signal?: AbortSignal,
  onRead: (bytes: number) => void = () => undefined,
  wasFound = false,
  warn: (text: string) => void = () => undefined,
): AsyncGenerator<readonly SourceDocument[], void, void> {
  const stream = file === standardInput ? stdin : createReadStream(file);
  const raw: AsyncIterable<Buffer> = signal === undefined ? stream : addAbortSignal(signal, stream);
  try {
    const { head, rest } = await peek(counted(raw, onRead));
    const inside = await peek(unpacked(head, rest, warn)[Symbol.asyncIterator]());
    if (wasFound && !holdsJson(inside.head) && !startsWith(inside.head, parquetMagic)) throw new NoData();
    const isOnDisk = file !== standardInput && startsWith(head, parquetMagic) && (await stat(file)).isFile();
    if (isOnDisk) yield* oneByOne(rowsOnDisk(stream as ReadStream, file, onRead));
    else if (startsWith(inside.head, parquetMagic))
      yield* oneByOne(parquetRows(inMemory(await allOf(inside.rest))));
    else yield* documentBatches(asUtf8(inside.rest), bytesMax);
  } finally {
    // A file that is left out or refused was not read to its end.
    if (file !== standardInput) (stream as ReadStream).destroy();
  }
}

async function* oneByOne(
  documents: AsyncIterable<SourceDocument>,
): AsyncGenerator<readonly SourceDocument[], void, void> {
  for await (const document of documents) yield [document];
}

/** Reads a Parquet file that is not packed where it lies; its beginning was read by the stream. */
async function* rowsOnDisk(
  stream: ReadStream,
  file: string,
  onRead: (bytes: number) => void,
): AsyncGenerator<SourceDocument, void, void> {
  const { bytesRead } = stream;
  stream.destroy();
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    // Parts that were read twice are counted once.
    let counted = bytesRead;
    yield* parquetRows(
      onDisk(handle, size, (bytes) => {
        const more = Math.min(bytes, Math.max(0, size - counted));
        counted += more;
        onRead(more);
      }),
    );
  } finally {
    await handle.close();
  }
}

async function allOf(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* counted(source: AsyncIterable<Buffer>, onRead: (bytes: number) => void) {
  for await (const chunk of source) {
    onRead(chunk.length);
    yield chunk;
  }
}

/** Returns the first bytes, and an iterable of everything. */
async function peek(source: AsyncIterator<Buffer>): Promise<{ head: Buffer; rest: AsyncIterable<Buffer> }> {
  let head = Buffer.alloc(0);
  while (head.length < headBytes) {
    const next = await source.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* rest() {
    if (head.length > 0) yield head;
    yield* { [Symbol.asyncIterator]: () => source };
  }
  return { head, rest: rest() };
}
