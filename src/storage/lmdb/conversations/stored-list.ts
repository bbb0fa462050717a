import { contentSegments, StowkenError } from '../../../model/index.js';
import type { BlockId } from '../tables/ids.js';
import type { StringOf } from './manifest.js';
import { decodeMessages, type ListedMessage } from './message-list.js';
import { decodeDirectory } from './block-directory.js';
import type { Table } from '../tables/table.js';

/** A message list in a conversation's record: its blocks, and the messages after them. */
export interface StoredList {
  readonly directory: Uint8Array;
  readonly tail: Uint8Array;
}

interface Part {
  readonly messages: number;
  readonly tokens: number;
  read(): Uint8Array;
}

/** @throws StowkenError CORRUPT_STORE if it does not exist */
export function readBlock(blocks: Table<number>, id: BlockId): Uint8Array {
  const block = blocks.get(id);
  if (!block) throw new StowkenError('CORRUPT_STORE', `block ${id} of a message list is missing`);
  return block;
}

/**
 * Yields the messages from number `from` on. Reads a block when its first message is asked for, and none that
 * is skipped.
 */
export function* messagesOf(
  list: StoredList,
  blockOf: (id: BlockId) => Uint8Array,
  nameOf: StringOf,
  from = 0,
): Generator<ListedMessage, void, void> {
  let passed = 0;
  for (const part of partsOf(list, blockOf)) {
    if (passed + part.messages > from) {
      for (const message of decodeMessages(part.read(), nameOf)) if (passed++ >= from) yield message;
    } else passed += part.messages;
  }
}

/**
 * Returns the message that has the token at an offset, and the tokens before it; past the last token, the
 * list's end.
 */
export function locateToken(
  list: StoredList,
  blockOf: (id: BlockId) => Uint8Array,
  nameOf: StringOf,
  tokenOffset: number,
): { readonly message: number; readonly tokensBefore: number } {
  let message = 0;
  let tokensBefore = 0;
  for (const part of partsOf(list, blockOf)) {
    if (tokenOffset >= tokensBefore + part.tokens) {
      message += part.messages;
      tokensBefore += part.tokens;
      continue;
    }
    for (const listed of decodeMessages(part.read(), nameOf)) {
      const tokens = contentSegments(listed).reduce((sum, { tokenCount }) => sum + tokenCount, 0);
      if (tokenOffset < tokensBefore + tokens) break;
      message += 1;
      tokensBefore += tokens;
    }
    break;
  }
  return { message, tokensBefore };
}

/** Yields the blocks, and the tail, whose figures are known only by reading it. */
function* partsOf({ directory, tail }: StoredList, blockOf: (id: BlockId) => Uint8Array): Generator<Part> {
  for (const { id, messages, tokens } of decodeDirectory(directory)) {
    yield { messages, tokens, read: () => blockOf(id) };
  }
  yield { messages: Infinity, tokens: Infinity, read: () => tail };
}
