import { inBlocks } from './blocks.js';
import type { ConversationEntry, SegmentEntry } from './entries.js';

/** What the index counts. */
export interface Figures {
  readonly conversations: number;
  readonly messages: number;
  readonly tokens: number;
  readonly segments: number;
  readonly uniqueTokens: number;
  readonly segmentBytes: number;
  readonly garbageSegments: number;
  readonly garbageBytes: number;
  /** Of manifests, frames, their sidecars and their holders; registries and requests are not counted here. */
  readonly fileBytes: number;
  /** The same in whole blocks of the disk, with a folder for each segment: few share one. */
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
