import { type SegmentHash, StowkenError } from '../../model/index.js';

/** Refusals that every backend gives in the same words. */

/** Quotes an id for a message: it may be any text. */
const quoted = (id: string): string => JSON.stringify(id);

export function revisionMismatch(id: string, expected: number, revision: number): StowkenError {
  const found = revision === 0 ? 'does not exist' : `is at revision ${revision}`;
  return new StowkenError(
    'REVISION_MISMATCH',
    `conversation ${quoted(id)} ${found}, not at revision ${expected}`,
    {
      id,
      revision: String(revision),
    },
  );
}

export function conversationExists(id: string, revision: number): StowkenError {
  return new StowkenError('CONVERSATION_EXISTS', `conversation ${quoted(id)} exists with other content`, {
    id,
    revision: String(revision),
  });
}

export function conversationNotFound(id: string): StowkenError {
  return new StowkenError('CONVERSATION_NOT_FOUND', `there is no conversation ${quoted(id)}`, { id });
}

export function prefixOutdated(id: string): StowkenError {
  return new StowkenError('PREFIX_OUTDATED', `conversation ${quoted(id)} has grown meanwhile`, { id });
}

export function rangePastEnd(id: string, field: string, offset: number, end: number): StowkenError {
  return new StowkenError(
    'RANGE_PAST_END',
    `${field} is ${offset}, and conversation ${quoted(id)} ends at ${end}`,
    {
      field,
      size: String(offset),
      limit: String(end),
    },
  );
}

export function requestIdReused(id: string): StowkenError {
  return new StowkenError('REQUEST_ID_REUSED', `request_id ${quoted(id)} was used for another request`, {
    request_id: id,
  });
}

/** Names at most 16 of the hashes in the metadata. */
export function segmentMissing(hashes: readonly SegmentHash[]): StowkenError {
  return new StowkenError('SEGMENT_MISSING', `${hashes.length} segments are not stored`, {
    hashes: hashes.slice(0, 16).join(','),
  });
}

export function segmentNotFound(key: number | string): StowkenError {
  return new StowkenError('SEGMENT_NOT_FOUND', `there is no segment ${key}`, { segment: String(key) });
}

export function closed(): StowkenError {
  return new StowkenError('SHUTTING_DOWN', 'the store is closed');
}
