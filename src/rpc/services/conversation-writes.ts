import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { clientStream } from '../calls/index.js';
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
import { VaultMethods } from './vault-methods.js';

const storeResponse = new MessageCodec('stowken.v1.StoreConversationResponse');
const uploadResponse = new MessageCodec('stowken.v1.UploadConversationResponse');
const appendResponse = new MessageCodec('stowken.v1.AppendMessagesResponse');
const forkResponse = new MessageCodec('stowken.v1.ForkConversationResponse');
const deleteResponse = new MessageCodec('stowken.v1.DeleteConversationResponse');
const deleteManyResponse = new MessageCodec('stowken.v1.DeleteConversationsResponse');

/** ConversationService's methods that change something. */
export function conversationWrites(scope: ServiceScope): UntypedServiceImplementation {
  const methods = new VaultMethods(scope);
  return {
    StoreConversation: methods.unary(readStore, async (vault, { input }, signal) =>
      storeResponse.encode(storeFields(await vault.store(input, signal))),
    ),

    UploadConversation: clientStream(
      {
        async handle(requests, signal) {
          const { vault, input, parts } = await readUpload(requests);
          const result = await requireVault(scope, vault).upload(input, parts, signal);
          return uploadResponse.encode(storeFields(result));
        },
      },
      scope,
    ),

    AppendMessages: methods.unary(readAppend, async (vault, { input }, signal) =>
      appendResponse.encode(appendFields(await vault.append(input, signal))),
    ),

    ForkConversation: methods.unary(readFork, async (vault, { input }, signal) =>
      forkResponse.encode(storeFields(await vault.fork(input, signal))),
    ),

    DeleteConversation: methods.unary(readDelete, async (vault, { id, options }) => {
      const { releasedReferences, garbageSegments, missing = false } = await vault.delete(id, options);
      return deleteResponse.encode({
        released_references: releasedReferences,
        garbage_segments: garbageSegments,
        missing,
      });
    }),

    DeleteConversations: methods.unary(readDeleteMany, async (vault, { input }, signal) =>
      deleteManyResponse.encode(deleteManyFields(await vault.deleteMany(input, signal))),
    ),
  };
}
