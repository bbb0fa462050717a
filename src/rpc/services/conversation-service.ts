import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { serverStream, unary } from '../calls/index.js';
import { readDelete, readGet, readList, readRetrieve, readStore } from '../requests/index.js';
import { conversationFields, messageFields, storeFields } from '../responses.js';
import type { RetrievePart } from '../../vault/index.js';
import { MessageCodec } from '../wire/codec.js';
import { encodeChunk } from '../wire/retrieve-response.js';
import { listPage } from './list-page.js';
import { requireVault, type ServiceScope } from './scope.js';

const storeResponse = new MessageCodec('stowken.v1.StoreConversationResponse');
const retrieveResponse = new MessageCodec('stowken.v1.RetrieveConversationResponse');
const getResponse = new MessageCodec('stowken.v1.GetConversationResponse');
const deleteResponse = new MessageCodec('stowken.v1.DeleteConversationResponse');

export function conversationService(scope: ServiceScope): UntypedServiceImplementation {
  const { logger } = scope;
  return {
    StoreConversation: unary(
      {
        read: readStore,
        async handle({ vault, input }, signal) {
          const result = await requireVault(scope, vault).store(input, signal);
          return storeResponse.encode(storeFields(result));
        },
      },
      logger,
    ),

    RetrieveConversation: serverStream(
      {
        read: readRetrieve,
        async *handle({ vault, input }, signal) {
          for await (const parts of requireVault(scope, vault).retrieve(input, signal))
            yield encodeAll(parts);
        },
      },
      logger,
    ),

    GetConversation: unary(
      {
        read: readGet,
        async handle({ vault: vaultName, id, includeMessages }) {
          const vault = requireVault(scope, vaultName);
          if (!includeMessages) {
            return getResponse.encode({ conversation: conversationFields(await vault.get(id)) });
          }
          const { conversation, messages } = await vault.getWithMessages(id);
          return getResponse.encode({
            conversation: { ...conversationFields(conversation), messages: messages.map(messageFields) },
          });
        },
      },
      logger,
    ),

    DeleteConversation: unary(
      {
        read: readDelete,
        async handle({ vault, id, options }) {
          const result = await requireVault(scope, vault).delete(id, options);
          return deleteResponse.encode({
            released_references: result.releasedReferences,
            garbage_segments: result.garbageSegments,
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

function* encodeAll(parts: Iterable<RetrievePart>): Generator<Buffer, void, void> {
  for (const part of parts) {
    if (part.kind === 'chunk') yield encodeChunk(part);
    else yield retrieveResponse.encode({ header: conversationFields(part.conversation) });
  }
}
