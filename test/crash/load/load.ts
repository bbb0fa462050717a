import type { LiveCodec } from '../../../src/codec/index.js';
import type { TokenCore } from '../../../src/core/index.js';
import { isStowkenError } from '../../../src/model/index.js';
import type { Change, ChangeResult, ManagedBackend, NewSegment } from '../../../src/storage/index.js';
import type { Contents } from '../content.js';
import type { Journal } from '../facts.js';

/** State shared by the clients of a worker. */
export interface Load {
  readonly backend: ManagedBackend;
  readonly core: TokenCore;
  readonly codec: LiveCodec;
  readonly contents: Contents;
  readonly journal: Journal;
}

/**
 * Commits with the missing segments, as a vault does: if one was collected since, or a registry was dropped,
 * all of them are sent along.
 */
export async function commitWithSegments(
  { backend, contents }: Load,
  change: Change,
  segments: readonly number[],
): Promise<ChangeResult> {
  const distinct = [...new Set(segments)];
  const stored = await backend.findSegments(distinct.map((segment) => contents.hash(segment)));
  let newSegments: NewSegment[] = distinct
    .filter((_, at) => stored[at] === undefined)
    .map((segment) => contents.encoded(segment));
  for (;;) {
    try {
      return await backend.commit({ ...change, newSegments });
    } catch (error) {
      if (!isStowkenError(error, 'SEGMENT_MISSING') && !isStowkenError(error, 'REGISTRY_CONFLICT'))
        throw error;
      newSegments = distinct.map((segment) => contents.encoded(segment));
    }
  }
}
