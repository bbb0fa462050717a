import { limits } from '../../model/index.js';
import type { DuplicatesPart, SimilarMatch, SimilarResult } from '../../vault/index.js';
import { conversationFields } from '../responses.js';
import { ResponseEncoder } from '../wire/response-encoder.js';
import { countFitting } from './pages.js';

const similarResponse = new ResponseEncoder('stowken.v1.FindSimilarResponse');
const duplicatesResponse = new ResponseEncoder('stowken.v1.FindDuplicatesResponse');

/** Encodes the first matches, as many as fit into the default message size of a gRPC client. */
export function encodeSimilar({ matches, compared, uncompared }: SimilarResult): Buffer {
  const conversations = matches.flatMap(({ conversation }) => conversation ?? []);
  const fitting = conversations.length === 0 ? matches.length : countFitting(conversations);
  return similarResponse.encode({
    matches: matches.slice(0, fitting).map(matchFields),
    compared,
    uncompared,
  });
}

function matchFields({ conversation, segment, tokenCount, similarity, shared, either }: SimilarMatch) {
  return {
    conversation: conversation && conversationFields(conversation),
    segment_hash: segment,
    token_count: tokenCount,
    similarity,
    shared_shingles: shared,
    shingles: either,
  };
}

/** Yields the responses of a part: a large group takes several. */
export function* encodeDuplicates({ group, ...counts }: DuplicatesPart): Generator<Buffer, void, void> {
  const state = {
    conversations: counts.conversations,
    uncompared: counts.uncompared,
    not_kept: counts.notKept,
  };
  if (!group) {
    yield duplicatesResponse.encode(state);
    return;
  }
  const { id, tokenCount, duplicates } = group;
  for (let at = 0; at < duplicates.length; at += limits.pageSizeMax) {
    yield duplicatesResponse.encode({
      ...state,
      conversation_id: id,
      token_count: tokenCount,
      duplicates: duplicates.slice(at, at + limits.pageSizeMax).map((duplicate) => ({
        conversation_id: duplicate.id,
        similarity: duplicate.similarity,
        token_count: duplicate.tokenCount,
      })),
    });
  }
}
