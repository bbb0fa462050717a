import type { ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import { lean } from './slabs.js';

/**
 * Passes a chunk, or the end, to a stream. A chunk is a view of a whole read of the socket; a chunk that
 * waits must not keep that alive.
 */
export function pushLean(stream: ServerHttp2Stream, chunk: unknown, encoding?: BufferEncoding): boolean {
  return Readable.prototype.push.call(stream, Buffer.isBuffer(chunk) ? lean(chunk) : chunk, encoding);
}
