import { limits, StowkenError } from '../../model/index.js';
import type { MessageReader } from './message-reader.js';

/** Returns the error for a request that comes too slowly, or of which nothing has come for too long. */
export function tooLate(
  reader: Pick<MessageReader, 'dueMs' | 'progress'>,
  nowMs: number,
  { silentSinceMs, requestIdleMs }: { readonly silentSinceMs: number; readonly requestIdleMs: number },
): StowkenError | undefined {
  if (reader.dueMs(nowMs) + requestIdleMs < nowMs) return tooSlow(reader.progress);
  return nowMs - silentSinceMs > requestIdleMs ? idle(requestIdleMs) : undefined;
}

function idle(limit: number): StowkenError {
  return new StowkenError(
    'DEADLINE_EXCEEDED',
    `nothing of the request came for ${limit} ms, which is the limit (--request-idle-timeout)`,
    { limit: String(limit) },
  );
}

function tooSlow({ came, of }: { readonly came: number; readonly of: number }): StowkenError {
  const limit = limits.requestBytesPerSecondMin;
  return new StowkenError(
    'DEADLINE_EXCEEDED',
    `${came} of the ${of} bytes of the request came at less than ${limit} bytes a second, which is the least`,
    { size: String(of), limit: String(limit) },
  );
}
