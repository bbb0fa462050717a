import type { status } from '@grpc/grpc-js';
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Logger } from 'pino';
import { toCallFailure } from '../errors.js';
import { acceptedEncodings } from './inflate.js';

/**
 * Answers a stream with an error in the form of all other calls, and closes it, even if the client is still
 * sending. Returns the status; undefined if there is nobody any more to be told.
 */
export function refuseStream(stream: ServerHttp2Stream, error: unknown, logger: Logger): status | undefined {
  if (stream.closed || stream.destroyed) return undefined;
  if (stream.headersSent) {
    stream.close(constants.NGHTTP2_CANCEL);
    return undefined;
  }
  const { code, details, metadata } = toCallFailure(error, logger);
  const headers: OutgoingHttpHeaders = {
    ':status': 200,
    'content-type': 'application/grpc+proto',
    'grpc-accept-encoding': acceptedEncodings,
    'grpc-status': code,
    'grpc-message': encodeURI(details),
    ...metadata.toHttp2Headers(),
  };
  stream.respond(headers, { endStream: true });
  stream.close(constants.NGHTTP2_NO_ERROR);
  stream.resume();
  return code;
}
