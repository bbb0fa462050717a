import { status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { RetrieveManyPart } from '../../vault/index.js';
import { serverStream, unary } from '../calls/index.js';
import { encodeRetrieved, encodeRetrievedOfMany } from '../conversation-responses.js';
import { readGet, readList, readRetrieve, readRetrieveMany } from '../requests/index.js';
import { conversationFields, messageFields } from '../responses.js';
import { codeOf } from '../status-codes.js';
import { MessageCodec } from '../wire/codec.js';
import { listPage } from './list-page.js';
import { requireVault, type ServiceScope } from './scope.js';

const getResponse = new MessageCodec('stowken.v1.GetConversationResponse');

/** ConversationService's methods that change nothing. */
export function conversationReads(scope: ServiceScope): UntypedServiceImplementation {
  const { logger } = scope;
  return {
    RetrieveConversation: serverStream(
      {
        read: readRetrieve,
        async *handle({ vault, input }, signal) {
          for await (const parts of requireVault(scope, vault).retrieve(input, signal))
            yield encodeRetrieved(parts);
        },
      },
      logger,
    ),

    RetrieveConversations: serverStream(
      {
        read: readRetrieveMany,
        async *handle({ vault, input }, signal) {
          for await (const parts of requireVault(scope, vault).retrieveMany(input, signal))
            yield encodeMany(parts, logger);
        },
      },
      logger,
    ),

    GetConversation: unary(
      {
        read: readGet,
        async handle({ vault: vaultName, id, includeMessages, options }) {
          const vault = requireVault(scope, vaultName);
          if (!includeMessages) {
            const conversation = await vault.get(id, options.ifRevision);
            return getResponse.encode({ conversation: conversationFields(conversation) });
          }
          const { conversation, messages, next } = await vault.getWithMessages(id, options);
          return getResponse.encode({
            conversation: { ...conversationFields(conversation), messages: messages.map(messageFields) },
            ...(next !== undefined && { next_message_offset: next }),
          });
        },
      },
      logger,
    ),

    ListConversations: unary(
      {
        read: readList,
        handle: async (request) => listPage(requireVault(scope, request.vault), request),
      },
      logger,
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
