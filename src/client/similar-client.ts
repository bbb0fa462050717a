import { method } from './contract.js';
import { fromWireConversation, toWireContent, toWireFilter } from './mapping.js';
import { fromUint64, toUint32 } from './numbers.js';
import type {
  DuplicatesOptions,
  DuplicatesPart,
  SimilarOptions,
  SimilarResult,
  SimilarTarget,
} from './similar-types.js';
import { wireValue, withKnownFields } from './request-fields.js';
import type { Transport } from './transport.js';

const similarOrders = {
  similarity: 'SIMILAR_ORDER_SIMILARITY',
  newest: 'SIMILAR_ORDER_NEWEST',
} as const;

/** Methods of the contract, looked up once per process. */
function methods() {
  return {
    similar: method('AnalyticsService', 'FindSimilar'),
    duplicates: method('AnalyticsService', 'FindDuplicates'),
  };
}

/** Near-duplicates in a vault. Every call is retried while no server answers. */
export function similarity(transport: Transport, vault: string) {
  const known = methods();
  return {
    /** Finds near-duplicates of a conversation, a segment or some content. */
    async similar(target: SimilarTarget, options: SimilarOptions = {}): Promise<SimilarResult> {
      const {
        threshold = 0,
        filter = {},
        order = 'similarity',
        limit = 0,
        ...control
      } = withKnownFields('similar', options);
      withKnownFields('similarTarget', target, 'target');
      const request = {
        vault,
        content:
          target.content &&
          toWireContent(withKnownFields('content', target.content, 'target.content'), 'content'),
        tokenizer: target.tokenizer ?? '',
        conversationId: target.conversationId ?? '',
        segmentHash: target.segmentHash ?? '',
        threshold,
        filter: toWireFilter(filter),
        order: wireValue('order', similarOrders, order),
        pageSize: toUint32('limit', limit),
      };
      const answer = await transport.unary(known.similar, request, control, true);
      return {
        matches: answer.matches.map((match) => ({
          conversation: match.conversation ? fromWireConversation(match.conversation) : undefined,
          segmentHash: match.segmentHash,
          tokenCount: fromUint64('token_count', match.tokenCount),
          similarity: match.similarity,
          sharedShingles: fromUint64('shared_shingles', match.sharedShingles),
          shingles: fromUint64('shingles', match.shingles),
        })),
        compared: fromUint64('compared', answer.compared),
        uncompared: fromUint64('uncompared', answer.uncompared),
      };
    },

    /** Finds groups of near-duplicates. Yields counts while the vault is read, then the groups. */
    async *duplicates(options: DuplicatesOptions = {}): AsyncGenerator<DuplicatesPart, void, void> {
      const { filter = {}, threshold = 0, limit = 0, ...control } = withKnownFields('duplicates', options);
      const request = {
        vault,
        filter: toWireFilter(filter),
        threshold,
        pageSize: toUint32('limit', limit),
      };
      for await (const part of transport.stream(known.duplicates, request, control, true)) {
        yield {
          conversationId: part.conversationId,
          tokenCount: fromUint64('token_count', part.tokenCount),
          duplicates: part.duplicates.map((duplicate) => ({
            conversationId: duplicate.conversationId,
            similarity: duplicate.similarity,
            tokenCount: fromUint64('token_count', duplicate.tokenCount),
          })),
          conversations: fromUint64('conversations', part.conversations),
          uncompared: fromUint64('uncompared', part.uncompared),
          notKept: fromUint64('not_kept', part.notKept),
        };
      }
    },
  };
}

export type Similarity = ReturnType<typeof similarity>;
