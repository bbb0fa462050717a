import type { Conversation } from '../../../model/index.js';
import type { SegmentRecord } from '../layout/records.js';

/** Counts of the index. */
export interface Figures {
  readonly conversations: number;
  readonly messages: number;
  readonly tokens: number;
  readonly segments: number;
  readonly uniqueTokens: number;
  readonly segmentBytes: number;
  readonly garbageSegments: number;
  readonly garbageBytes: number;
  /**
   * Bytes of manifests, frames, their sidecars and their holders; registries and requests are not counted
   * here.
   */
  readonly fileBytes: number;
  /** The same bytes in whole blocks of the disk, with a folder for each segment: few share one. */
  readonly blockBytes: number;
}

export const noFigures: Figures = {
  conversations: 0,
  messages: 0,
  tokens: 0,
  segments: 0,
  uniqueTokens: 0,
  segmentBytes: 0,
  garbageSegments: 0,
  garbageBytes: 0,
  fileBytes: 0,
  blockBytes: 0,
};

export function addFigures(sum: Figures, added: Figures, sign: 1 | -1): Figures {
  const names = Object.keys(sum) as (keyof Figures)[];
  return Object.fromEntries(
    names.map((name) => [name, sum[name] + sign * added[name]]),
  ) as unknown as Figures;
}

export function figuresOfSegment(entry: SegmentEntry): Figures {
  const { tokenCount, frameBytes, sidecarBytes, references } = entry;
  return {
    ...noFigures,
    segments: 1,
    uniqueTokens: tokenCount,
    segmentBytes: frameBytes,
    garbageSegments: references === 0 ? 1 : 0,
    garbageBytes: references === 0 ? frameBytes : 0,
    fileBytes: frameBytes + sidecarBytes,
    blockBytes: inBlocks(frameBytes) + inBlocks(sidecarBytes) + inBlocks(1),
  };
}

export function figuresOfConversation({ conversation, manifestBytes }: ConversationEntry): Figures {
  return {
    ...noFigures,
    conversations: 1,
    messages: conversation.messageCount,
    tokens: conversation.totalTokens,
    fileBytes: manifestBytes,
    blockBytes: inBlocks(manifestBytes),
  };
}

export function figuresOfHolders(bytes: number): Figures {
  return { ...noFigures, fileBytes: bytes, blockBytes: inBlocks(bytes) };
}

/** Data of a stored segment. Immutable: a change is another entry. */
export interface SegmentEntry extends SegmentRecord {
  /** Number of manifests that name it, and of outside holders. */
  readonly references: number;
  readonly sidecarBytes: number;
  /** Commit since which it has no references; 0 for one before the vault was opened. */
  readonly unreferencedSequence: number;
}

/** Data of a conversation; its messages are in its manifest. Immutable. */
export interface ConversationEntry {
  readonly number: number;
  readonly conversation: Conversation;
  readonly manifestBytes: number;
}

const BLOCK_BYTES = 4096;

/** Returns the space of a file of so many bytes on the disk; a folder takes as much as a file of one byte. */
export function inBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}
