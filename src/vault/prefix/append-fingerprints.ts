import { isStowkenError, limits, type Conversation } from '../../model/index.js';
import { retrieveConversation, type RetrieveParts } from '../retrieve.js';
import { BlockFingerprints } from './block-fingerprints.js';

/** Blocks that go on where a conversation ends. */
export interface OpenBlock {
  readonly afterTokens: number;
  readonly fingerprints: BlockFingerprints;
}

/** Reads the tokens after the last whole block; undefined when there is no such conversation. */
export async function openBlockOf(
  parts: RetrieveParts,
  id: string,
  signal: AbortSignal,
): Promise<OpenBlock | undefined> {
  for (;;) {
    const conversation = await parts.backend.getConversation(id);
    if (conversation === undefined) return undefined;
    try {
      return await readOpenBlock(parts, conversation, signal);
    } catch (error) {
      // What is damaged can be appended to all the same, and is found by what comes before.
      if (isStowkenError(error, 'CORRUPT_SEGMENT') || isStowkenError(error, 'CORRUPT_STORE'))
        return undefined;
      // It was changed, or deleted, between the two looks: look again.
      if (!isStowkenError(error, 'REVISION_MISMATCH') && !isStowkenError(error, 'CONVERSATION_NOT_FOUND'))
        throw error;
    }
  }
}

async function readOpenBlock(
  parts: RetrieveParts,
  { id, revision, totalTokens }: Conversation,
  signal: AbortSignal,
): Promise<OpenBlock> {
  const fingerprints = new BlockFingerprints(parts.backend.vaultId);
  const open = totalTokens % limits.prefixBlockTokens;
  if (open > 0) {
    const range = { tokenOffset: totalTokens - open, ifRevision: revision };
    for await (const batch of retrieveConversation(parts, { id, encoding: 'tokens', ...range }, signal)) {
      for (const part of batch) {
        if (part.kind === 'header' || part.content?.kind !== 'varints') continue;
        fingerprints.push({ varints: part.content.bytes });
      }
    }
  }
  return { afterTokens: totalTokens, fingerprints };
}
