import type { Conversation } from '../../../model/index.js';
import type { Change, ManifestOutcome } from '../../change.js';
import { prefixOutdated } from '../../refusals.js';
import { wholeBlocks } from '../../prefix-blocks.js';
import { writeManifest } from '../conversations/conversations.js';
import type { ListedSegment } from '../conversations/message-list.js';
import { ListWriter } from '../conversations/list-writer.js';
import {
  addMessages,
  countIn,
  findSegments,
  manifestOutcome,
  existingConversation,
  type BroughtSegments,
} from './manifest-change.js';
import type { WriteSession } from './write-session.js';

type Append = NonNullable<Change['append']>;

/** What the messages name. */
export function checkAppend(
  session: WriteSession,
  append: Append,
  brought: BroughtSegments,
): ListedSegment[] {
  const { conversation } = existingConversation(session, append);
  if (append.prefix && append.prefix.afterTokens !== conversation.totalTokens)
    throw prefixOutdated(append.id);
  return findSegments(session, append, brought);
}

/** Decodes the tail, and nothing before it. */
export function appendMessages(
  session: WriteSession,
  { id, messages, timeMs, prefix }: Append,
  named: readonly ListedSegment[],
  brought: BroughtSegments,
): ManifestOutcome {
  const { number, conversation: before, list: stored } = existingConversation(session, { id });
  const list = new ListWriter(session);
  list.resume(stored, true);
  addMessages(list, messages, named);
  const conversation: Conversation = {
    ...before,
    revision: before.revision + 1,
    messageCount: before.messageCount + messages.length,
    totalTokens: before.totalTokens + list.tokensAdded,
    updateTimeMs: Math.max(timeMs, before.updateTimeMs),
  };
  writeManifest(session.tables, { number, conversation, list, replaces: true, grows: true }, session.names);
  countIn(session, conversation, 1);
  countIn(session, before, -1);
  if (prefix) {
    const blocks = wholeBlocks(before.totalTokens);
    session.prefixes.extend(number, before.application, blocks, prefix.blocks);
  }
  return manifestOutcome(conversation, named, brought);
}
