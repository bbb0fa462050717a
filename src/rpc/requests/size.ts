import { limits, StowkenError } from '../../model/index.js';

/** Refuses a whole request that is too long. */
export function checkRequestSize(size: number): void {
  check('the request', size, limits.requestBytesMax);
}

/** Refuses fields that are too long to be decoded into objects, which take far more memory than their bytes. */
export function checkFieldsSize(size: number): void {
  check('the request without its messages', size, limits.requestFieldsBytesMax);
}

/** Refuses a part of a stream that is too long. */
export function checkPartSize(size: number): void {
  check('a part of the upload', size, limits.uploadPartBytesMax);
}

function check(what: string, size: number, limit: number): void {
  if (size <= limit) return;
  throw new StowkenError('REQUEST_TOO_LARGE', `${what} has ${size} bytes; the limit is ${limit}`, {
    size: String(size),
    limit: String(limit),
  });
}
