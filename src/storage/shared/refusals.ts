import { type SegmentHash, StowkenError, countOf } from '../../model/index.js';

/** Refusals that every backend gives in the same words. */
export { conversationNotFound, rangePastEnd, revisionMismatch, segmentNotFound } from '../../model/index.js';

/** Quotes an id for a message: it may be any text. */
const quoted = (id: string): string => JSON.stringify(id);

export function conversationExists(id: string, revision: number): StowkenError {
  return new StowkenError('CONVERSATION_EXISTS', `conversation ${quoted(id)} exists with other content`, {
    id,
    revision: String(revision),
  });
}

export function putAndForked(id: string): StowkenError {
  const message = `conversation ${quoted(id)} is put by the change that forks another one to it`;
  return new StowkenError('INVALID_FIELD', message, { field: 'new_id' });
}

export function prefixOutdated(id: string): StowkenError {
  return new StowkenError('PREFIX_OUTDATED', `conversation ${quoted(id)} has changed meanwhile`, { id });
}

export function requestIdReused(id: string): StowkenError {
  return new StowkenError('REQUEST_ID_REUSED', `request_id ${quoted(id)} was used for another request`, {
    request_id: id,
  });
}

/** Names at most 16 of the hashes in the metadata. */
export function segmentMissing(hashes: readonly SegmentHash[]): StowkenError {
  return new StowkenError(
    'SEGMENT_MISSING',
    `${countOf(hashes.length, 'segment')} ${hashes.length === 1 ? 'is' : 'are'} not stored`,
    {
      hashes: hashes.slice(0, 16).join(','),
    },
  );
}

export function closed(): StowkenError {
  return new StowkenError('SHUTTING_DOWN', 'the store is closed');
}
