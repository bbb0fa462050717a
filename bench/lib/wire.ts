import * as grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import type { TokenCore } from '../../src/core/index.js';
import type { BenchConversation } from './corpus.js';

/** Calls with bytes for messages: the client costs very little, so that the server is the bottleneck. */
export class RawClient {
  private readonly client: grpc.Client;

  constructor(address: string) {
    this.client = new grpc.Client(address, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
      'grpc-node.flow_control_window': 8 << 20,
    });
  }

  unary(path: string, request: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(path, identity, identity, request, (error, response) =>
        error ? reject(error) : resolve(response!),
      );
    });
  }

  /** Resolves to the size of every message received. */
  stream(path: string, request: Buffer): Promise<number[]> {
    return new Promise((resolve, reject) => {
      const sizes: number[] = [];
      this.client
        .makeServerStreamRequest(path, identity, identity, request)
        .on('data', (message: Buffer) => sizes.push(message.length))
        .on('error', reject)
        .on('end', () => resolve(sizes));
    });
  }

  close(): void {
    this.client.close();
  }
}

const identity = (bytes: Buffer) => bytes;

export const storePath = '/stowken.v1.ConversationService/StoreConversation';
export const retrievePath = '/stowken.v1.ConversationService/RetrieveConversation';

/** Encodes a StoreConversationRequest with tokens as varints. */
export function storeRequest(core: TokenCore, conversation: BenchConversation): Buffer {
  const writer = protobuf.Writer.create();
  const { id, application, model, tokenizer } = conversation;
  writer.uint32(tag(2)).fork().uint32(tag(1)).string(id).uint32(tag(2)).string(application);
  writer.uint32(tag(3)).string(model).uint32(tag(4)).string(tokenizer).ldelim();
  for (const { role, name, toolCallId, words } of conversation.messages) {
    writer.uint32(tag(3)).fork().uint32(tag(1)).string(role);
    writer.uint32(tag(2)).string(name).uint32(tag(3)).string(toolCallId);
    writer.uint32(tag(4)).fork().uint32(tag(1)).bytes(core.fromLe32(words).varints).ldelim().ldelim();
  }
  return Buffer.from(writer.finish());
}

/** Encodes a RetrieveConversationRequest; encoding 1 is TOKENS, 2 LE32. */
export function retrieveRequest(id: string, encoding: 1 | 2): Buffer {
  const writer = protobuf.Writer.create().uint32(tag(2)).string(id);
  return Buffer.from(
    writer
      .uint32((7 << 3) | 0)
      .uint32(encoding)
      .finish(),
  );
}

/** A field of wire type 2. */
function tag(field: number): number {
  return (field << 3) | 2;
}
