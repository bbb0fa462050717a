import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib';
import { ByteReader } from './byte-reader.js';

/**
 * Steps of RFC 1952: a file is a list of members; each has a header, deflated bytes, and their CRC and
 * length. Node's own reader ends with an error, and loses the last bytes, if anything else stands behind a
 * member.
 */

const magic = [0x1f, 0x8b] as const;
const deflated = 8;
const headerBytes = 10;
const trailerBytes = 8;

/** Bits of a header for its parts of any length. */
const flags = { headerCrc: 2, extra: 4, name: 8, comment: 16 } as const;

/**
 * Yields what the members of a file hold. Zeros behind them fill the file up; `onJunk` is called if anything
 * else stands there: it is left out, as gunzip does.
 * @throws Error if a member is cut or damaged
 */
export async function* gunzip(
  source: AsyncIterable<Buffer>,
  onJunk: () => void,
): AsyncGenerator<Buffer, void, void> {
  const bytes = new ByteReader(source);
  for (let members = 0; ; members++) {
    const head = await bytes.peek(magic.length);
    if (members > 0 && !magic.every((byte, index) => head[index] === byte)) {
      if (head.some((byte) => byte !== 0)) onJunk();
      return;
    }
    await readHeader(bytes);
    yield* readMember(bytes);
  }
}

async function readHeader(bytes: ByteReader): Promise<void> {
  const header = await bytes.take(headerBytes);
  if (header[2] !== deflated) throw new Error('unknown compression method');
  const has = header[3]!;
  if (has & flags.extra) await bytes.take((await bytes.take(2)).readUInt16LE());
  if (has & flags.name) await bytes.takeText();
  if (has & flags.comment) await bytes.takeText();
  if (has & flags.headerCrc) await bytes.take(2);
}

async function* readMember(bytes: ByteReader): AsyncGenerator<Buffer, void, void> {
  let check = 0;
  let length = 0;
  for await (const chunk of inflated(bytes)) {
    check = crc32(chunk, check);
    length = (length + chunk.length) >>> 0;
    yield chunk;
  }
  const trailer = await bytes.take(trailerBytes);
  if (trailer.readUInt32LE(0) !== check) throw new Error('incorrect data check');
  if (trailer.readUInt32LE(4) !== length) throw new Error('incorrect length check');
}

/** Inflates the bytes that come next, and gives back those that are behind them. */
async function* inflated(bytes: ByteReader): AsyncGenerator<Buffer, void, void> {
  const inflate = createInflateRaw();
  const given = give(bytes, inflate);
  // An error is thrown by the iteration, too.
  given.catch(() => undefined);
  for await (const chunk of inflate) yield chunk as Buffer;
  await given;
}

async function give(bytes: ByteReader, inflate: InflateRaw): Promise<void> {
  for (;;) {
    const chunk = await bytes.next();
    if (chunk === undefined) {
      inflate.end();
      return;
    }
    const before = inflate.bytesWritten;
    await new Promise<void>((resolve, reject) => {
      inflate.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
    const taken = inflate.bytesWritten - before;
    if (taken === chunk.length) continue;
    bytes.giveBack(chunk.subarray(taken));
    return;
  }
}
