import { createRequire } from 'node:module';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import zlib from 'node:zlib';
import type * as Xz from 'xz-decompress';
import { BadLine } from '../bad-line.js';
import { gunzip } from './gzip.js';

const require = createRequire(import.meta.url);

type Bytes = AsyncIterable<Buffer>;

/** A form in which a file may be packed, told by its first bytes. */
interface Packing {
  readonly name: string;
  readonly magic: Buffer;
  readonly unpack: (source: Bytes, onJunk: () => void) => Bytes;
}

const packings: readonly Packing[] = [
  { name: 'gzip', magic: Buffer.from([0x1f, 0x8b]), unpack: gunzip },
  { name: 'zstd', magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), unpack: unzstd },
  { name: 'bzip2', magic: Buffer.from('BZh'), unpack: unbzip2 },
  { name: 'xz', magic: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]), unpack: unxz },
];

/** Files that hold no text, by their first bytes, and what to do about them. */
const unreadable: readonly { readonly what: string; readonly magic: Buffer; readonly advice: string }[] = [
  { what: 'a zip archive', magic: Buffer.from('PK\x03\x04'), advice: 'unpack it first' },
  { what: 'a 7z archive', magic: Buffer.from('7z\xbc\xaf', 'latin1'), advice: 'unpack it first' },
  {
    what: 'an SQLite database',
    magic: Buffer.from('SQLite format 3\0'),
    advice: 'export its rows as JSON lines',
  },
  { what: 'an Arrow file', magic: Buffer.from('ARROW1'), advice: 'convert it to Parquet or JSON lines' },
  { what: 'a PDF', magic: Buffer.from('%PDF-'), advice: 'it holds no conversations' },
  {
    what: 'an lzma file',
    magic: Buffer.from([0x5d, 0x00, 0x00]),
    advice: 'xz -dc it to stowken import -',
  },
  {
    what: 'an lz4 file',
    magic: Buffer.from([0x04, 0x22, 0x4d, 0x18]),
    advice: 'lz4 -dc it to stowken import -',
  },
];

export const parquetMagic = Buffer.from('PAR1');

/** True if bytes may begin an object or a list of JSON, in UTF-8 or UTF-16, after a mark and blanks. */
export function holdsJson(head: Buffer): boolean {
  const first = head.find((byte) => !blanks.includes(byte));
  return first === undefined || first === 0x7b || first === 0x5b;
}

/** Bytes that may stand before the first character of JSON: marks of the encoding, zeros, blanks. */
const blanks = Buffer.from([0xef, 0xbb, 0xbf, 0xff, 0xfe, 0x00, 0x1e, 0x20, 0x09, 0x0a, 0x0d]);

/** Bytes at the beginning of a file by which its format is recognized. */
export const headBytes = 16;

/**
 * Yields what a packed file holds, and the bytes of any other file as they are. `warn` is called with what
 * was left out of it.
 * @throws BadLine if it is a file of another kind, or what it holds is cut or damaged
 */
export function unpacked(head: Buffer, source: Bytes, warn: (text: string) => void): Bytes {
  const other = unreadable.find(({ magic }) => startsWith(head, magic));
  if (other !== undefined) throw new BadLine(`it is ${other.what}, not JSON lines: ${other.advice}`);
  const packing = packings.find(({ magic }) => startsWith(head, magic));
  return packing === undefined ? source : named(packing, source, warn);
}

export function startsWith(head: Buffer, magic: Buffer): boolean {
  return head.subarray(0, magic.length).equals(magic);
}

async function* named(
  { name, unpack }: Packing,
  source: Bytes,
  warn: (text: string) => void,
): AsyncGenerator<Buffer, void, void> {
  const onJunk = () => warn(`other bytes behind the end of its ${name} were left out`);
  try {
    for await (const chunk of unpack(source, onJunk)) yield chunk;
  } catch (error) {
    if (!(error instanceof Error) || error.name === 'AbortError' || error instanceof BadLine) throw error;
    throw new BadLine(`it is ${name}, and damaged or cut: ${error.message}`, `damaged ${name}`);
  }
}

async function* through(source: Bytes, unpacker: Transform): AsyncGenerator<Buffer, void, void> {
  // An error of either stream ends the other, and is thrown by the iteration.
  for await (const chunk of pipeline(Readable.from(source), unpacker, () => undefined)) yield chunk as Buffer;
}

interface ZlibWithZstd {
  readonly createZstdDecompress?: () => Transform;
}

/** Node has zstd from 22.15 on; a library does it before. */
async function* unzstd(source: Bytes): AsyncGenerator<Buffer, void, void> {
  const { createZstdDecompress } = zlib as ZlibWithZstd;
  if (createZstdDecompress !== undefined) {
    yield* through(source, createZstdDecompress());
    return;
  }
  const { Decompress } = await import('fzstd');
  let made: Buffer[] = [];
  let ended = false;
  const decompress = new Decompress((bytes, final) => {
    made.push(Buffer.from(bytes));
    ended = final === true;
  });
  for await (const chunk of source) {
    decompress.push(new Uint8Array(chunk));
    yield* made;
    made = [];
  }
  decompress.push(new Uint8Array(0), true);
  yield* made;
  if (!ended) throw new Error('unexpected end of file');
}

async function* unbzip2(source: Bytes): AsyncGenerator<Buffer, void, void> {
  const { default: unbzip2Stream } = await import('unbzip2-stream');
  // The stream of the library is of an older kind, which decompresses while it is written to.
  const stream = unbzip2Stream();
  let made: Buffer[] = [];
  let failure: Error | undefined;
  stream.on('data', (bytes: Buffer) => made.push(bytes));
  stream.on('error', (error: Error) => (failure ??= error));
  for await (const chunk of source) {
    stream.write(chunk);
    if (failure !== undefined) throw failure;
    yield* made;
    made = [];
  }
  stream.end();
  if (failure !== undefined) throw failure;
  yield* made;
}

async function* unxz(source: Bytes): AsyncGenerator<Buffer, void, void> {
  // Its module is CommonJS, and Node finds no names in it.
  const { XzReadableStream } = require('xz-decompress') as typeof Xz;
  const packed = ReadableStream.from(source);
  try {
    for await (const chunk of new XzReadableStream(packed)) yield Buffer.from(chunk);
  } catch (error) {
    const code = error instanceof Error ? /error code (\d+)$/.exec(error.message)?.[1] : undefined;
    if (code === undefined) throw error;
    if (unreadableXz.has(code))
      throw new BadLine(
        'it is xz of a kind that cannot be read here, with a SHA-256 check, a filter beside LZMA2, or a dictionary ' +
          'above 64 MiB: xz -dc it to stowken import -',
        'xz of a kind that cannot be read',
      );
    throw new Error(code === '8' ? 'unexpected end of file' : 'its data are not what they were', {
      cause: error,
    });
  }
}

/** Codes of the decoder for files that are whole: of a check, options or a size that it does not have. */
const unreadableXz = new Set(['2', '3', '4', '6']);
