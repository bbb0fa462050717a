import type { Change, ManifestOutcome } from '../../contract/change.js';
import { wholeBlocks } from '../../contract/queries.js';
import * as rules from '../../shared/manifest-rules.js';
import { decodeDirectory, encodeDirectory, type BlockEntry } from '../conversations/block-directory.js';
import { nextInChain } from '../conversations/chain.js';
import { writeManifest } from '../conversations/conversations.js';
import { ListWriter } from '../conversations/list-writer.js';
import { scanMessages } from '../conversations/message-list.js';
import { messagesOf, type StoredList } from '../conversations/stored-list.js';
import type { BlockId } from '../tables/ids.js';
import { contentOf, countIn, existingConversation, findConversation } from './manifest-change.js';
import { deleteConversation } from './put-append-delete.js';
import type { WriteSession } from './write-session.js';

type Fork = NonNullable<Change['fork']>;

/** Returns the outcome if the very same content is stored already. */
export function checkFork(session: WriteSession, fork: Fork): ManifestOutcome | undefined {
  const parent = existingConversation(session, fork);
  const existing = rules.unexpired(findConversation(session, fork.newId), fork.expiry);
  return rules.checkFork(
    parent,
    existing,
    fork,
    ({ conversation, list }, count) =>
      conversation.messageCount === count &&
      rules.hasSpec(conversation, rules.forkedSpec(parent.conversation, fork)) &&
      sameMessages(session, list, parent.list, count),
  );
}

/** Shares whole blocks, and copies the part of the block in which the fork ends. */
export function forkConversation(session: WriteSession, fork: Fork): ManifestOutcome {
  const { state } = session;
  const parent = existingConversation(session, { id: fork.id });
  // The check found one of this id only if it has expired.
  if (session.ids.find(fork.newId) !== undefined) deleteConversation(session, { id: fork.newId });
  const messageCount = fork.messageCount ?? parent.conversation.messageCount;
  const { shared, tail } = cutList(session, parent.list, messageCount);
  for (const { id } of shared) session.messageBlocks.hold(id);
  const list = new ListWriter(session);
  list.resume({ directory: encodeDirectory(shared), tail }, false);
  const tokensShared = shared.reduce((sum, { tokens }) => sum + tokens, 0);
  const size = { messageCount, totalTokens: tokensShared + scanMessages(tail, () => undefined).tokens };
  const { lastStoreTimeMs } = state;
  const spec = rules.forkedSpec(parent.conversation, fork);
  const conversation = rules.nextRevision(spec, size, { timeMs: fork.timeMs, lastStoreTimeMs });
  state.lastStoreTimeMs = conversation.storeTimeMs;
  const place = nextInChain(state);
  const { number } = place;
  writeManifest(
    session.tables,
    { ...place, conversation, list, replaces: false, grows: false },
    session.names,
  );
  const use = { number, timeMs: conversation.createTimeMs };
  session.board.written(state.nextSegment, use, shared.length > 0);
  session.ids.insert(fork.newId, number);
  if (fork.indexed) session.radix.fork(parent.number, number, wholeBlocks(conversation.totalTokens));
  countIn(session, conversation, 1);
  session.usage.inherit({ ...contentOf(conversation), conversations: 0 });
  return rules.nothingNew(conversation, false);
}

/** Returns the blocks that the first messages fill, and the list of the remaining messages. */
function cutList(
  session: WriteSession,
  { directory, tail }: StoredList,
  messageCount: number,
): { readonly shared: readonly BlockEntry[]; readonly tail: Uint8Array } {
  const shared: BlockEntry[] = [];
  let left = messageCount;
  let cut = tail;
  for (const entry of decodeDirectory(directory)) {
    if (entry.messages > left) {
      cut = left > 0 ? session.messageBlocks.read(entry.id) : tail;
      break;
    }
    shared.push(entry);
    left -= entry.messages;
  }
  // A list is coded from its beginning on, so a beginning of a list is a list.
  return { shared, tail: cut.subarray(0, scanMessages(cut, () => undefined, left).bytes) };
}

/** True if two lists begin with the same messages. Blocks at the start of both are equal. */
function sameMessages(session: WriteSession, one: StoredList, other: StoredList, count: number): boolean {
  const blockOf = (id: BlockId) => session.messageBlocks.read(id);
  const same = Math.min(count, messagesShared(one, other));
  const others = messagesOf(other, blockOf, session.nameOf, same);
  let at = same;
  for (const message of messagesOf(one, blockOf, session.nameOf, same)) {
    if (at++ === count) break;
    if (JSON.stringify(message) !== JSON.stringify(others.next().value)) return false;
  }
  return true;
}

function messagesShared(one: StoredList, other: StoredList): number {
  const others = decodeDirectory(other.directory);
  let messages = 0;
  for (const entry of decodeDirectory(one.directory)) {
    const beside = others.next();
    if (beside.done || beside.value.id !== entry.id) break;
    messages += entry.messages;
  }
  return messages;
}
