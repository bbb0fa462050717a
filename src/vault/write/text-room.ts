import { getHeapStatistics } from 'node:v8';
import { limits, StowkenError } from '../../model/index.js';
import { FairSlots } from '../../queue/index.js';

/**
 * Divisor of the heap limit for text that is not tokens yet, in UTF-8: a string has up to two bytes for each
 * of them, and exists twice while its pieces are joined.
 */
const heapPart = 8;
/** Limit of the texts that need no room, in bytes. */
const freeBytesMax = 64 * 1024;

const bytesMax = Math.floor(getHeapStatistics().heap_size_limit / heapPart);

/**
 * The heap belongs to the process, and so does the room in it. A text larger than all of it gets it alone.
 */
const room = new FairSlots<undefined>({ countMax: Infinity, weightMax: bytesMax });

const nothing = (): void => undefined;

/** True if a text has to wait for room before it is decoded. */
export function needsRoom(utf8Bytes: number): boolean {
  return utf8Bytes > freeBytesMax;
}

/**
 * Resolves when the heap has room for a text of so many bytes. Returns the function that gives the room back.
 * @throws StowkenError OVERLOADED if there is none for limits.intakeWaitMs; the signal's reason
 */
export async function enterTextRoom(utf8Bytes: number, signal: AbortSignal): Promise<() => void> {
  if (!needsRoom(utf8Bytes)) return nothing;
  const wait = { msMax: limits.intakeWaitMs, overdue };
  return room.enter({ owner: undefined, weight: utf8Bytes, signal, wait });
}

function overdue(): StowkenError {
  return new StowkenError(
    'OVERLOADED',
    `texts that are being stored take all of the ${bytesMax} bytes that there are for them, and none became free ` +
      `within ${limits.intakeWaitMs} ms; try again`,
    { limit: String(bytesMax) },
  );
}
