import type { ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import { lean } from './slabs.js';

/**
 * Lets a stream have a chunk, or its end. A chunk is a view of all that one read of the socket brought: one that waits
 * must not keep that alive.
 */
export function pushLean(stream: ServerHttp2Stream, chunk: unknown, encoding?: BufferEncoding): boolean {
  return Readable.prototype.push.call(stream, Buffer.isBuffer(chunk) ? lean(chunk) : chunk, encoding);
}
