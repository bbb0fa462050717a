import { status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { RetrieveManyPart } from '../../vault/index.js';
import { encodeRetrieved, encodeRetrievedOfMany } from '../conversation-responses.js';
import { readFindPrefix, readGet, readList, readRetrieve, readRetrieveMany } from '../requests/index.js';
import { conversationFields, messageFields } from '../responses.js';
import { codeOf } from '../status-codes.js';
import { MessageCodec } from '../wire/codec.js';
import { encodeMatches } from './prefix-matches.js';
import { listPage } from './list-page.js';
import type { ServiceScope } from './scope.js';
import { VaultMethods } from './vault-methods.js';

const getResponse = new MessageCodec('stowken.v1.GetConversationResponse');

/** ConversationService's methods that change nothing. */
export function conversationReads(scope: ServiceScope): UntypedServiceImplementation {
  const methods = new VaultMethods(scope);
  return {
    RetrieveConversation: methods.stream(
      readRetrieve,
      (vault, { input }, signal) => vault.retrieve(input, signal),
      encodeRetrieved,
    ),

    RetrieveConversations: methods.stream(
      readRetrieveMany,
      (vault, { input }, signal) => vault.retrieveMany(input, signal),
      (parts) => encodeMany(parts, scope.logger),
    ),

    GetConversation: methods.unary(readGet, async (vault, { id, includeMessages, options }) => {
      if (!includeMessages) {
        const conversation = await vault.get(id, options.ifRevision);
        return getResponse.encode({ conversation: conversationFields(conversation) });
      }
      const { conversation, messages, next } = await vault.getWithMessages(id, options);
      return getResponse.encode({
        conversation: { ...conversationFields(conversation), messages: messages.map(messageFields) },
        ...(next !== undefined && { next_message_offset: next }),
      });
    }),

    ListConversations: methods.unary(readList, listPage),

    FindPrefix: methods.unary(readFindPrefix, async (vault, { input }, signal) =>
      encodeMatches(await vault.findPrefix(input, signal)),
    ),
  };
}

function* encodeMany(parts: Iterable<RetrieveManyPart>, logger: Logger): Generator<Buffer, void, void> {
  for (const item of parts) {
    const { part } = item;
    // The call goes on, and the operator must know.
    if (part.kind === 'failed' && codeOf[part.error.reason] === status.DATA_LOSS) {
      logger.error({ err: part.error }, 'a conversation is damaged');
    }
    yield encodeRetrievedOfMany(item);
  }
}
