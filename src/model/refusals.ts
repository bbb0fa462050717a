import { StowkenError } from './errors.js';

/** Refusals that several layers give in the same words. */

/** Quotes an id for a message: it may be any text. */
const quoted = (id: string): string => JSON.stringify(id);

/** Returns the refusal of text whose tokenizer has another vocabulary than the vault keeps under its name. */
export function tokenizerChanged(tokenizer: string, kept: string, given: string): StowkenError {
  const message =
    `tokenizer ${JSON.stringify(tokenizer)}: the vault has text of the vocabulary ${kept}, and the server was started ` +
    `with another file, ${given}: start it with the former one, or give this one another name`;
  return new StowkenError('TOKENIZER_CHANGED', message, { tokenizer, kept, given });
}

export function conversationNotFound(id: string): StowkenError {
  return new StowkenError('CONVERSATION_NOT_FOUND', `there is no conversation ${quoted(id)}`, {
    resource_type: 'conversation',
    resource_name: id,
  });
}

/** `name`: the hash of the segment, or inside the server its number. */
export function segmentNotFound(name: string | number): StowkenError {
  return new StowkenError('SEGMENT_NOT_FOUND', `there is no segment ${name}`, {
    resource_type: 'segment',
    resource_name: String(name),
  });
}

export function revisionMismatch(id: string, expected: number, revision: number): StowkenError {
  const found = revision === 0 ? 'does not exist' : `is at revision ${revision}`;
  return new StowkenError(
    'REVISION_MISMATCH',
    `conversation ${quoted(id)} ${found}, not at revision ${expected}`,
    { id, revision: String(revision) },
  );
}

export function rangePastEnd(id: string, field: string, offset: number, end: number): StowkenError {
  return new StowkenError(
    'RANGE_PAST_END',
    `${field} is ${offset}, and conversation ${quoted(id)} ends at ${end}`,
    { field, size: String(offset), limit: String(end) },
  );
}

/** Error of an attachment that a message does not have. */
export function noSuchAttachment(messageIndex: number, index: number, count: number): StowkenError {
  return new StowkenError(
    'RANGE_PAST_END',
    `attachment_index is ${index}, and message ${messageIndex} has ${count} attachments`,
    { field: 'attachment_index', size: String(index), limit: String(count) },
  );
}

/** Error of a change in a server that only reads. */
export function readOnly(): StowkenError {
  return new StowkenError('READ_ONLY', 'the server was started with --read-only, and changes nothing');
}
