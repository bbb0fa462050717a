import { isStowkenError, StowkenError } from '../../model/index.js';
import type { ExclusiveLease } from '../../storage/index.js';
import type { CompactFigures } from './types.js';

export const nothingDone: CompactFigures = { segmentsDone: 0, segments: 0, bytesBefore: 0, bytesAfter: 0 };

/** Refusal of work that needs the right to compact a vault, which somebody else has or may have. */
export function compactionRunning(
  message: string,
  { segmentsDone, segments, bytesBefore, bytesAfter }: CompactFigures = nothingDone,
): StowkenError {
  return new StowkenError('COMPACTION_RUNNING', message, {
    segments_done: String(segmentsDone),
    segments: String(segments),
    bytes_before: String(bytesBefore),
    bytes_after: String(bytesAfter),
  });
}

/**
 * Does work under rights that may be lost to another server. Then it ends with a refusal of its own: nobody
 * has cancelled it.
 * @throws StowkenError COMPACTION_RUNNING
 */
export async function* underRights<Part>(
  leases: readonly ExclusiveLease[],
  signal: AbortSignal,
  work: string,
  begin: (signal: AbortSignal) => AsyncGenerator<Part, void, void>,
): AsyncGenerator<Part, void, void> {
  try {
    yield* begin(AbortSignal.any([signal, ...leases.map(({ lost }) => lost)]));
  } catch (error) {
    if (signal.aborted || !isStowkenError(error, 'CANCELLED')) throw error;
    throw compactionRunning(
      `the ${work} was ended: this server did not reach the database for so long that another one may compact or ` +
        'erase now; what it had done stays, and a further call does the rest',
    );
  }
}
