import type { Conversation } from '../../../model/index.js';
import type { SegmentKey, StoredSegment } from '../../change.js';
import type { SegmentRecord } from '../layout/records.js';

/** What is known of a stored segment. Never changed: a change is another entry. */
export interface SegmentEntry extends SegmentRecord {
  /** The number of manifests that name it, and of outside holders. */
  readonly references: number;
  readonly sidecarBytes: number;
  /** The commit since which it has none; 0 for one before the vault was opened. */
  readonly unreferencedSequence: number;
}

/** What is known of a conversation; its messages are in its manifest. Never changed. */
export interface ConversationEntry {
  readonly number: number;
  readonly conversation: Conversation;
  readonly manifestBytes: number;
}

export function storedSegment({ id, tokenCount, frameBytes }: SegmentEntry): StoredSegment {
  return { key: id as SegmentKey, tokenCount, frameBytes };
}
