import { decodeDirectory } from '../conversations/block-directory.js';
import type { MessageParts } from './record-parts.js';

/** Messages and tokens of a conversation. */
export interface Figures {
  readonly messageCount: number;
  readonly totalTokens: number;
}

/** Returns the figures of a list, fields of messages left out. @throws StowkenError CORRUPT_STORE */
export function figuresOf(directory: Uint8Array, messages: readonly MessageParts[]): Figures {
  const inBlocks = blockFigures(directory);
  const inMessages = messages.reduce(
    (sum, { count, fieldSegments, tokenCounts }) =>
      sum + tokenCounts.slice(0, count - fieldSegments).reduce((tokens, each) => tokens + each, 0),
    0,
  );
  return {
    messageCount: inBlocks.messageCount + messages.length,
    totalTokens: inBlocks.totalTokens + inMessages,
  };
}

/** Returns the figures of the blocks in a directory. @throws StowkenError CORRUPT_STORE */
export function blockFigures(directory: Uint8Array): Figures {
  let [messageCount, totalTokens] = [0, 0];
  for (const { messages, tokens } of decodeDirectory(directory)) {
    messageCount += messages;
    totalTokens += tokens;
  }
  return { messageCount, totalTokens };
}
