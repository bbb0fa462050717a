import { limits, type NamedSegment } from '../../model/index.js';
import type { StorageBackend } from '../../storage/index.js';
import type { DescribedPage, DescribeOptions, MessageWithSegments } from './types.js';
import { openRevision } from './open-revision.js';
import { hasSegment, slicesInRange } from './range.js';

/**
 * Describes a conversation with its messages and the hashes of their segments: up to the number asked for,
 * and up to the size of a page.
 */
export async function describeConversation(
  backend: StorageBackend,
  id: string,
  { messageOffset = 0, messageLimit = 0, ifRevision }: DescribeOptions = {},
): Promise<DescribedPage> {
  const snapshot = await openRevision(backend, id, ifRevision);
  try {
    const { conversation } = snapshot;
    const page = new Page();
    let segments: NamedSegment[] = [];
    for await (const slots of slicesInRange(snapshot, { messageOffset, messageLimit })) {
      const hashes = await backend.readHashes(slots.filter(hasSegment).map(({ key }) => key));
      let nextHash = 0;
      for (const slot of slots) {
        if (hasSegment(slot)) segments.push({ hash: hashes[nextHash++]!, tokenCount: slot.tokenCount });
        if (!slot.last) continue;
        const { role, name, toolCallId, tokenCount } = slot.message;
        if (!page.add({ role, name, toolCallId, tokenCount, segments })) break;
        segments = [];
      }
      if (page.full) break;
    }
    const next = messageOffset + page.messages.length;
    return {
      conversation,
      messages: page.messages,
      next: next < conversation.messageCount ? next : undefined,
    };
  } finally {
    snapshot.release();
  }
}

/** Messages up to a page's bytes, but at least one. */
class Page {
  readonly messages: MessageWithSegments[] = [];
  full = false;
  #bytes = 0;

  /** Returns whether there was room for it. */
  add(message: MessageWithSegments): boolean {
    const bytes = describedBytesAtMost(message);
    this.full = this.messages.length > 0 && this.#bytes + bytes > limits.pageBytesMax;
    if (this.full) return false;
    this.messages.push(message);
    this.#bytes += bytes;
    return true;
  }
}

/**
 * Upper bound of an encoded description's size: its strings, a hash for each segment, and room for everything
 * else.
 */
function describedBytesAtMost({ role, name, toolCallId, segments }: MessageWithSegments): number {
  const labels = [role, name, toolCallId].reduce((sum, label) => sum + Buffer.byteLength(label), 0);
  const perSegment = 80;
  const otherFields = 40;
  return labels + segments.length * perSegment + otherFields;
}
