import { limits, StowkenError } from '../../model/index.js';
import { FairSlots } from '../../queue/index.js';

/** One limit for the process, like its event loop; connections take turns. */
const slots = new FairSlots<string>({ countMax: limits.largeRequestsMax });

export function isLarge(bytes: number): boolean {
  return bytes >= limits.largeRequestBytesMin;
}

/**
 * Resolves when a large request may be processed. Returns the function to be called at its end. Many large
 * ones at once would share the processor and all end late. So only a few are processed at once, in the order
 * of their arrival; small ones do not wait.
 * @throws StowkenError OVERLOADED if it has no turn within limits.largeRequestWaitMs; the signal's reason
 */
export function enterLarge(bytes: number, connection: string, signal: AbortSignal): Promise<() => void> {
  const wait = { msMax: limits.largeRequestWaitMs, overdue: () => overdue(bytes) };
  return slots.enter({ owner: connection, signal, wait });
}

function overdue(bytes: number): StowkenError {
  const { largeRequestsMax: limit, largeRequestBytesMin: least, largeRequestWaitMs: waitMs } = limits;
  return new StowkenError(
    'OVERLOADED',
    `the request has ${bytes} bytes; of those with ${least} and more, ${limit} are worked on at once, and its turn ` +
      `did not come within ${waitMs} ms; try again`,
    { size: String(bytes), limit: String(limit), waited_ms: String(waitMs) },
  );
}
