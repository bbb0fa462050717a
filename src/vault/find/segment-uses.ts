import { isStowkenError, limits, type SegmentHash, segmentNotFound } from '../../model/index.js';
import type { ListPosition, SegmentKey, StorageBackend } from '../../storage/index.js';
import { Turns } from '../event-loop.js';
import { endsEarly } from '../read/range.js';

export interface SegmentUsesInput {
  readonly hash: SegmentHash;
  readonly limit: number;
  readonly after?: ListPosition;
}

/** Use of a segment by a conversation: in its first message that has it. */
export interface SegmentUseIn {
  readonly conversationId: string;
  readonly createTimeMs: number;
  readonly messageIndex: number;
  readonly role: string;
}

export interface SegmentUses {
  readonly uses: readonly SegmentUseIn[];
  /** Conversations looked at for this page, and those of them that cannot be read. */
  readonly looked: number;
  readonly damaged: number;
  readonly next: ListPosition | undefined;
}

/** Conversations whose message lists are read for one page. */
const LOOKED_MAX = 4096;
const LOOKED_AT_ONCE = 64;
/** Messages of the first read of a conversation; each further one takes twice as many. Prompts come first. */
const FIRST_READ_MESSAGES = 4;

/**
 * Finds conversations that have a segment in their messages, newest first: a page of them, or of as many as
 * were looked at. There is no index from segments to conversations: message lists are read.
 * @throws StowkenError SEGMENT_NOT_FOUND
 */
export async function listSegmentUses(
  backend: StorageBackend,
  { hash, limit, after }: SegmentUsesInput,
  signal: AbortSignal,
): Promise<SegmentUses> {
  const wanted = await keysOf(backend, hash);
  const turns = new Turns(signal);
  const uses: SegmentUseIn[] = [];
  let [looked, damaged] = [0, 0];
  let next = after;
  do {
    const page = await backend.listConversations({
      filter: {},
      order: 'newestFirst',
      limit: Math.min(LOOKED_AT_ONCE, limit - uses.length),
      scanLimit: limits.pageScanMax,
      signal,
      ...(next !== undefined && { after: next }),
    });
    damaged += page.damaged?.length ?? 0;
    for (const { id, createTimeMs } of page.conversations) {
      looked += 1;
      const use = await firstUse(backend, id, wanted, turns);
      if (use === 'damaged') damaged += 1;
      else if (use) uses.push({ conversationId: id, createTimeMs, ...use });
    }
    next = page.next;
  } while (next !== undefined && uses.length < limit && looked < LOOKED_MAX);
  return { uses, looked, damaged, next };
}

/** Returns the keys of a segment, and of all copies of it. @throws StowkenError SEGMENT_NOT_FOUND */
export async function keysOf(backend: StorageBackend, hash: SegmentHash): Promise<ReadonlySet<SegmentKey>> {
  const [segment] = await backend.findSegments([hash]);
  if (!segment) throw segmentNotFound(hash);
  return new Set((await backend.findCopies?.(hash)) ?? [segment.key]);
}

interface Use {
  readonly messageIndex: number;
  readonly role: string;
}

/** Finds the first message of a conversation that has one of these segments. */
export async function firstUse(
  backend: StorageBackend,
  id: string,
  wanted: ReadonlySet<SegmentKey>,
  turns: Turns,
): Promise<Use | 'damaged' | undefined> {
  try {
    return await readFirstUse(backend, id, wanted, turns);
  } catch (error) {
    if (!isStowkenError(error, 'CORRUPT_STORE')) throw error;
    return 'damaged';
  }
}

async function readFirstUse(
  backend: StorageBackend,
  id: string,
  wanted: ReadonlySet<SegmentKey>,
  turns: Turns,
): Promise<Use | undefined> {
  const snapshot = await backend.openConversation(id);
  if (!snapshot) return undefined;
  try {
    const { messageCount } = snapshot.conversation;
    let messagesMax = FIRST_READ_MESSAGES;
    for (let from = 0; from < messageCount;) {
      const messages = await snapshot.read(from, messagesMax);
      if (messages.length === 0) throw endsEarly(id, from, messageCount);
      await turns.spend(0, messages);
      for (const [at, { role, segments, fields = [] }] of messages.entries())
        if ([...segments, ...fields].some(({ key }) => wanted.has(key)))
          return { messageIndex: from + at, role };
      from += messages.length;
      messagesMax = Math.min(2 * messagesMax, limits.readBatchSlotsMax);
    }
    return undefined;
  } finally {
    snapshot.release();
  }
}
