import { TextDecoder } from 'node:util';
import { BadLine } from '../bad-line.js';

const utf8Mark = Buffer.from([0xef, 0xbb, 0xbf]);

/** Yields text as UTF-8, without a mark of its byte order; text in UTF-16 is converted. */
export async function* asUtf8(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  let encoding: string | undefined;
  let decoder: TextDecoder | undefined;
  for await (const chunk of joinedHead(source, utf8Mark.length + 1)) {
    if (encoding !== undefined) {
      yield decoder === undefined ? chunk : decoded(decoder, chunk);
      continue;
    }
    encoding = encodingOf(chunk);
    if (encoding === 'utf-8')
      yield chunk.subarray(0, utf8Mark.length).equals(utf8Mark) ? chunk.subarray(utf8Mark.length) : chunk;
    else {
      decoder = new TextDecoder(encoding, { fatal: true });
      yield decoded(decoder, chunk);
    }
  }
  if (decoder !== undefined) yield decoded(decoder);
}

/** Without a chunk, what was held back of the last one must be whole. */
function decoded(decoder: TextDecoder, chunk?: Buffer): Buffer {
  try {
    return Buffer.from(decoder.decode(chunk, { stream: chunk !== undefined }));
  } catch {
    throw new BadLine(`it is ${decoder.encoding.toUpperCase()}, and damaged or cut`, 'damaged UTF-16');
  }
}

/** Recognises UTF-16 by its mark, or by the zero byte beside the first character of JSON. */
function encodingOf(head: Buffer): string {
  const [first, second, third, fourth] = head;
  if (first === 0xff && second === 0xfe) {
    if (third === 0 && fourth === 0) throw new BadLine('it is UTF-32: convert it to UTF-8');
    return 'utf-16le';
  }
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first === 0 && second !== 0 && second !== undefined) return 'utf-16be';
  return second === 0 && first !== 0 ? 'utf-16le' : 'utf-8';
}

async function* joinedHead(
  source: AsyncIterable<Buffer>,
  bytesMin: number,
): AsyncGenerator<Buffer, void, void> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of source) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < bytesMin) continue;
    yield head;
    head = undefined;
  }
  if (head !== undefined && head.length > 0) yield head;
}
