import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { AttachmentInfo } from '../../model/index.js';
import type { PrefixMatch } from '../../vault/index.js';
import { clientStream } from '../calls/index.js';
import {
  readAppend,
  readDelete,
  readDeleteMany,
  readFindPrefix,
  readFork,
  readGet,
  readGetAttachment,
  readList,
  readRenderMessages,
  readRetrieve,
  readRetrieveMany,
  readSearch,
  readStore,
  readUpload,
} from '../requests/index.js';
import {
  appendFields,
  conversationFields,
  deleteManyFields,
  encodeRetrieved,
  messageFields,
  storeFields,
} from '../responses.js';
import { ResponseEncoder } from '../wire/response-encoder.js';
import { packedParts } from './packed-parts.js';
import { countFitting, listPage } from './pages.js';
import { encodeHits, search } from './searches.js';
import { enter, type ServiceScope, VaultMethods } from './vault-methods.js';

export function conversationService(scope: ServiceScope): UntypedServiceImplementation {
  return { ...conversationWrites(scope), ...conversationReads(scope) };
}

const storeResponse = new ResponseEncoder('stowken.v1.StoreConversationResponse');
const uploadResponse = new ResponseEncoder('stowken.v1.UploadConversationResponse');
const appendResponse = new ResponseEncoder('stowken.v1.AppendMessagesResponse');
const forkResponse = new ResponseEncoder('stowken.v1.ForkConversationResponse');
const deleteResponse = new ResponseEncoder('stowken.v1.DeleteConversationResponse');
const deleteManyResponse = new ResponseEncoder('stowken.v1.DeleteConversationsResponse');

/** Methods of ConversationService that write. */
function conversationWrites(scope: ServiceScope): UntypedServiceImplementation {
  const methods = new VaultMethods(scope);
  return {
    StoreConversation: methods.unary(readStore, async (vault, { input }, signal) =>
      storeResponse.encode(storeFields(await vault.store(input, signal))),
    ),

    UploadConversation: clientStream(
      {
        async handle(requests, signal, memory, caller, stop) {
          const { vault: name, input, parts } = await readUpload(requests);
          const { vault, leave } = await enter(scope, caller(), name, stop);
          try {
            return uploadResponse.encode(storeFields(await vault.upload(input, parts, signal, memory)));
          } finally {
            leave();
          }
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

const attachmentResponse = new ResponseEncoder('stowken.v1.GetAttachmentResponse');

function encodeAttachment(part: AttachmentInfo | Uint8Array): Buffer[] {
  const fields =
    part instanceof Uint8Array
      ? { content: part }
      : { info: { sha256: part.sha256, size_bytes: part.sizeBytes } };
  return [attachmentResponse.encode(fields)];
}

const getResponse = new ResponseEncoder('stowken.v1.GetConversationResponse');

/** Methods of ConversationService that only read. */
function conversationReads(scope: ServiceScope): UntypedServiceImplementation {
  const methods = new VaultMethods(scope);
  return {
    RetrieveConversation: methods.stream(
      readRetrieve,
      (vault, { input }, signal) => vault.retrieve(input, signal),
      encodeRetrieved,
    ),

    // Its responses have the layout of those of RetrieveConversation.
    RenderMessages: methods.stream(
      readRenderMessages,
      (vault, { input }, signal) => vault.renderMessages(input, signal),
      encodeRetrieved,
    ),

    GetAttachment: methods.stream(
      readGetAttachment,
      (vault, { input }, signal) => vault.attachment(input, signal),
      encodeAttachment,
    ),

    RetrieveConversations: methods.stream(
      readRetrieveMany,
      (vault, { input }, signal) => packedParts(vault.retrieveMany(input, signal), scope.logger),
      (responses) => responses,
    ),

    GetConversation: methods.unary(readGet, async (vault, { id, includeMessages, options }) => {
      if (!includeMessages) {
        const conversation = await vault.get(id, options.ifRevision);
        return getResponse.encode({ conversation: conversationFields(conversation) });
      }
      const { conversation, messages, next } = await vault.getWithMessages(id, options);
      return getResponse.encode({
        conversation: { ...conversationFields(conversation), messages: messages.map(messageFields) },
        next_message_offset: next,
      });
    }),

    ListConversations: methods.unary(readList, listPage),

    SearchConversations: methods.stream(readSearch, search, encodeHits),

    FindPrefix: methods.unary(readFindPrefix, async (vault, { input }, signal) =>
      encodeMatches(await vault.findPrefix(input, signal)),
    ),
  };
}

const codec = new ResponseEncoder('stowken.v1.FindPrefixResponse');

/** Encodes the first matches, as many as fit into the default message size of a gRPC client. */
function encodeMatches(matches: readonly PrefixMatch[]): Buffer {
  const fitting = countFitting(matches.map(({ conversation }) => conversation));
  return codec.encode({
    matches: matches.slice(0, fitting).map(({ conversation, sharedTokens }) => ({
      conversation: conversationFields(conversation),
      shared_tokens: sharedTokens,
    })),
  });
}
