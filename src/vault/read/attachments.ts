import {
  type AttachmentEntry,
  type AttachmentInfo,
  mayBeIndex,
  noSuchAttachment,
  rangePastEnd,
  readAttachmentIndex,
  StowkenError,
} from '../../model/index.js';
import type { StorageBackend, StoredMessage } from '../../storage/index.js';
import { throwIfAborted } from '../event-loop.js';
import { openRevision } from './open-revision.js';
import { SegmentTokens, type SegmentTokensParts } from './segment-tokens.js';
import type { AttachmentInput } from './types.js';

type FieldSegment = NonNullable<StoredMessage['fields']>[number];

/** Field segments of a message, by kind. */
export interface FieldSegments {
  /** Those of the fields themselves. */
  readonly json: readonly FieldSegment[];
  readonly attachments: readonly AttachmentEntry[];
  /** Those of all attachments, in order. */
  readonly parts: readonly FieldSegment[];
}

/** Separates the field segments of messages, without reading an attachment. */
export async function readFieldSegments(
  parts: SegmentTokensParts,
  messages: readonly Pick<StoredMessage, 'fields'>[],
): Promise<FieldSegments[]> {
  const lasts = messages.map(({ fields = [] }) => fields.at(-1));
  const indexes = lasts.filter((last) => last !== undefined && mayBeIndex(last.tokenCount));
  const read = await SegmentTokens.read(parts, indexes as FieldSegment[], 'le32');
  return messages.map(({ fields = [] }, at) => {
    const last = lasts[at];
    const isRead = last !== undefined && mayBeIndex(last.tokenCount);
    const attachments = isRead ? readAttachmentIndex(read.next()) : undefined;
    if (attachments === undefined) return { json: fields, attachments: [], parts: [] };
    const end = fields.length - 1;
    const begin = end - attachments.reduce((sum, entry) => sum + entry.parts, 0);
    if (begin < 0)
      throw new StowkenError('CORRUPT_STORE', 'a message has fewer segments than its attachments');
    return { json: fields.slice(0, begin), attachments, parts: fields.slice(begin, end) };
  });
}

/**
 * Streams an attachment of one revision: what it is, then its bytes, in pieces of limits.attachmentPartBytes
 * at most. Rejects with RANGE_PAST_END if there is none with this number.
 */
export async function* readAttachment(
  parts: SegmentTokensParts & { readonly backend: StorageBackend },
  { id, messageIndex, index, ifRevision }: AttachmentInput,
  signal: AbortSignal,
): AsyncGenerator<AttachmentInfo | Uint8Array, void, void> {
  const snapshot = await openRevision(parts.backend, id, ifRevision);
  try {
    const { messageCount } = snapshot.conversation;
    if (messageIndex >= messageCount) throw rangePastEnd(id, 'message_index', messageIndex, messageCount);
    const [message] = await snapshot.read(messageIndex, 1);
    const [found] = await readFieldSegments(parts, [message!]);
    const { attachments, parts: segments } = found!;
    const entry = attachments[index];
    if (entry === undefined) throw noSuchAttachment(messageIndex, index, attachments.length);
    const { sha256, sizeBytes } = entry;
    yield { sha256, sizeBytes };
    const first = attachments.slice(0, index).reduce((sum, before) => sum + before.parts, 0);
    let left = sizeBytes;
    for (const segment of segments.slice(first, first + entry.parts)) {
      throwIfAborted(signal);
      const bytes = (await SegmentTokens.read(parts, [segment], 'le32')).next();
      yield bytes.subarray(0, Math.min(left, bytes.length));
      left -= Math.min(left, bytes.length);
    }
  } finally {
    snapshot.release();
  }
}
