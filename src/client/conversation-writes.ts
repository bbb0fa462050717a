import { randomUUID } from 'node:crypto';
import { method } from './contract.js';
import type * as W from './generated/responses.js';
import {
  fromWireDamaged,
  fromWireStore,
  toWireFilter,
  toWireMessage,
  toWireRevision,
  toWireSpec,
} from './mapping.js';
import { fromUint64, toUint32 } from './numbers.js';
import { withKnownFields } from './request-fields.js';
import type { Transport } from './transport.js';
import type { NewMessage } from './content-types.js';
import type {
  AppendOptions,
  DeleteManyOptions,
  DeleteManyResult,
  DeleteOptions,
  DeleteResult,
  ForkOptions,
  Released,
  StoreRequest,
  StoreResult,
  UploadRequest,
} from './write-types.js';
import { uploadParts } from './upload-parts.js';

/** Methods of the contract, looked up once per process. */
function methods() {
  return {
    store: method('ConversationService', 'StoreConversation'),
    upload: method('ConversationService', 'UploadConversation'),
    append: method('ConversationService', 'AppendMessages'),
    fork: method('ConversationService', 'ForkConversation'),
    delete: method('ConversationService', 'DeleteConversation'),
    deleteMany: method('ConversationService', 'DeleteConversations'),
  };
}

/** Writes to a vault's conversations. Those that are safe to repeat are retried while no server answers. */
export function conversationWrites(transport: Transport, vault: string) {
  const known = methods();
  return {
    /** Durable when it resolves. */
    async store(options: StoreRequest): Promise<StoreResult> {
      const {
        conversation = {},
        messages,
        ifRevision,
        requestId = '',
        ...control
      } = withKnownFields('store', options);
      const request = {
        vault,
        conversation: toWireSpec(conversation),
        messages: messages.map(toWireMessage),
        requestId,
        ifRevision: toWireRevision(ifRevision),
      };
      const hasId = (conversation.id ?? '') !== '';
      const idempotent = requestId !== '' || (ifRevision === undefined && hasId);
      return fromWireStore(await transport.unary(known.store, request, control, idempotent));
    },

    /** Stores a conversation of any length, sent in parts. Durable and visible when it resolves. */
    async upload(options: UploadRequest): Promise<StoreResult> {
      const {
        conversation = {},
        messages,
        ifRevision,
        requestId = '',
        ...control
      } = withKnownFields('upload', options);
      const spec = {
        vault,
        conversation: toWireSpec(conversation),
        requestId,
        ifRevision: toWireRevision(ifRevision),
      };
      const parts = uploadParts(spec, messages);
      return fromWireStore(await transport.clientStream(known.upload, parts, control));
    },

    /** Durable when it resolves. */
    async append(
      id: string,
      messages: readonly NewMessage[],
      options: AppendOptions = {},
    ): Promise<StoreResult> {
      const { ifRevision, requestId = randomUUID(), ...control } = withKnownFields('append', options);
      const request = {
        vault,
        id,
        messages: messages.map(toWireMessage),
        requestId,
        ifRevision: toWireRevision(ifRevision),
      };
      return fromWireStore(await transport.unary(known.append, request, control, true));
    },

    /** Creates a conversation from the first messages of another, and shares their stored segments. */
    async fork(id: string, options: ForkOptions = {}): Promise<StoreResult> {
      const { newId = '', messageCount, ifRevision, ...rest } = withKnownFields('fork', options);
      const { requestId = randomUUID(), ...control } = rest;
      const request = {
        vault,
        id,
        newId,
        requestId,
        ifRevision: toWireRevision(ifRevision),
        messageCount: messageCount === undefined ? undefined : toUint32('message count', messageCount),
      };
      return fromWireStore(await transport.unary(known.fork, request, control, true));
    },

    async delete(id: string, options: DeleteOptions = {}): Promise<DeleteResult> {
      const {
        allowMissing = false,
        ifRevision,
        requestId = '',
        ...control
      } = withKnownFields('delete', options);
      const request = {
        vault,
        id,
        allowMissing,
        requestId,
        ifRevision: toWireRevision(ifRevision),
      };
      const { delete: method } = known;
      const response = await transport.unary(method, request, control, requestId !== '');
      return { ...fromWireReleased(response), missing: response.missing };
    },

    /** Deletes in batches: if it rejects, some may be deleted. */
    async deleteMany(options: DeleteManyOptions): Promise<DeleteManyResult> {
      const {
        ids = [],
        filter,
        all = false,
        expired,
        dryRun = false,
        ...control
      } = withKnownFields('deleteMany', options);
      const request = {
        vault,
        ids,
        filter: filter === undefined ? undefined : toWireFilter(filter),
        all,
        expired: expired === undefined ? undefined : toWireFilter(expired),
        dryRun,
      };
      const { deleteMany } = known;
      const response = await transport.unary(deleteMany, request, control, dryRun);
      return {
        conversations: fromUint64('conversations', response.conversations),
        missing: fromUint64('missing', response.missing),
        changed: fromUint64('changed', response.changed),
        ...fromWireReleased(response),
        damaged: response.damaged.map(fromWireDamaged),
      };
    },
  };
}

export type ConversationWrites = ReturnType<typeof conversationWrites>;

function fromWireReleased(
  response: Pick<W.DeleteConversationResponse, 'releasedReferences' | 'garbageSegments'>,
): Released {
  return {
    releasedReferences: fromUint64('released_references', response.releasedReferences),
    garbageSegments: fromUint64('garbage_segments', response.garbageSegments),
  };
}
