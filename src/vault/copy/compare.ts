import { limits } from '../../model/index.js';
import type { ConversationSnapshot, SegmentKey, StorageBackend } from '../../storage/index.js';
import { faultOf, hasSameFields, isSameState } from './copy-conversation.js';
import { pagesOf } from './copy-pass.js';
import type { CopyFault, CopyParts } from './types.js';

type Reading = Pick<StorageBackend, 'openConversation' | 'readHashes'>;

/**
 * Compares every conversation of the source with its copy: its state, its messages, and the hashes of their
 * segments, for which every frame is decoded on both sides. Resolves to the differences.
 */
export async function compareCopy(parts: CopyParts, pass: number): Promise<CopyFault[]> {
  const { source, target, signal, onProgress } = parts;
  const faults: CopyFault[] = [];
  let done = 0;
  await source.refresh();
  const { conversations: total } = await source.backend.stats();
  for await (const { conversations } of pagesOf(source.backend, signal)) {
    await source.refresh();
    for (const { id } of conversations) {
      try {
        const detail = await differenceOf(source.backend, target.backend, id);
        if (detail !== undefined) faults.push({ id, detail });
      } catch (error) {
        faults.push(faultOf(id, error));
      }
    }
    done += conversations.length;
    onProgress?.({ phase: 'comparing', pass, done: Math.min(done, total), total });
  }
  return faults;
}

async function differenceOf(source: Reading, target: Reading, id: string): Promise<string | undefined> {
  const one = await source.openConversation(id);
  if (!one) return undefined;
  const other = await target.openConversation(id);
  try {
    if (!other) return 'the copy is not there';
    if (!isSameState(other.conversation, one.conversation)) return 'the copy has another revision';
    if (!hasSameFields(other.conversation, one.conversation)) return 'the copy has other fields';
    const { messageCount } = one.conversation;
    for (let from = 0; from < messageCount; from += limits.readBatchSlotsMax) {
      const [ours, theirs] = [await messagesOf(source, one, from), await messagesOf(target, other, from)];
      if (JSON.stringify(ours) !== JSON.stringify(theirs))
        return `the copy's messages from number ${from} on differ`;
    }
    return undefined;
  } finally {
    one.release();
    other?.release();
  }
}

/** Reads messages with hashes in place of keys. */
async function messagesOf(
  backend: Reading,
  snapshot: ConversationSnapshot,
  from: number,
): Promise<unknown[]> {
  const read = await snapshot.read(from, limits.readBatchSlotsMax);
  const keys = read.flatMap(({ segments, fields = [] }) => [...segments, ...fields].map(({ key }) => key));
  const distinct = [...new Set(keys)];
  const hashes = await backend.readHashes(distinct);
  const byKey = new Map(distinct.map((key, at) => [key, hashes[at]!]));
  const hashOf = ({ key }: { readonly key: SegmentKey }) => byKey.get(key);
  return read.map(({ role, name, toolCallId, tokenCount, segments, fields = [] }) => [
    ...[role, name, toolCallId, tokenCount],
    ...[segments.map(hashOf), fields.map(hashOf)],
  ]);
}
