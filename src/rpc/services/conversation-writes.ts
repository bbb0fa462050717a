import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { clientStream, unary } from '../calls/index.js';
import { deleteManyFields } from '../conversation-responses.js';
import {
  readAppend,
  readDelete,
  readDeleteMany,
  readFork,
  readStore,
  readUpload,
} from '../requests/index.js';
import { appendFields, storeFields } from '../responses.js';
import { MessageCodec } from '../wire/codec.js';
import { requireVault, type ServiceScope } from './scope.js';

const storeResponse = new MessageCodec('stowken.v1.StoreConversationResponse');
const uploadResponse = new MessageCodec('stowken.v1.UploadConversationResponse');
const appendResponse = new MessageCodec('stowken.v1.AppendMessagesResponse');
const forkResponse = new MessageCodec('stowken.v1.ForkConversationResponse');
const deleteResponse = new MessageCodec('stowken.v1.DeleteConversationResponse');
const deleteManyResponse = new MessageCodec('stowken.v1.DeleteConversationsResponse');

/** ConversationService's methods that change something. */
export function conversationWrites(scope: ServiceScope): UntypedServiceImplementation {
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

    UploadConversation: clientStream(
      {
        async handle(requests, signal) {
          const { vault, input, parts } = await readUpload(requests);
          const result = await requireVault(scope, vault).upload(input, parts, signal);
          return uploadResponse.encode(storeFields(result));
        },
      },
      logger,
    ),

    AppendMessages: unary(
      {
        read: readAppend,
        async handle({ vault, input }, signal) {
          const result = await requireVault(scope, vault).append(input, signal);
          return appendResponse.encode(appendFields(result));
        },
      },
      logger,
    ),

    ForkConversation: unary(
      {
        read: readFork,
        async handle({ vault, input }, signal) {
          const result = await requireVault(scope, vault).fork(input, signal);
          return forkResponse.encode(storeFields(result));
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

    DeleteConversations: unary(
      {
        read: readDeleteMany,
        async handle({ vault, input }, signal) {
          const result = await requireVault(scope, vault).deleteMany(input, signal);
          return deleteManyResponse.encode(deleteManyFields(result));
        },
      },
      logger,
    ),
  };
}
