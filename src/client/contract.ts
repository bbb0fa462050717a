import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';
import type { Methods } from './generated/methods.js';
import type { Conversation, ErrorInfo, ItemStatus, Status } from './generated/responses.js';

const protoRoot = resolve(
  dirname(createRequire(import.meta.url).resolve('#proto/stowken/v1/conversation.proto')),
  '../..',
);

let loaded: PackageDefinition | undefined;

/**
 * The contract, read from the .proto files on first use. 64-bit numbers are decimal strings, enums are names.
 */
function contract(): PackageDefinition {
  loaded ??= loadSync(
    [
      'stowken/v1/conversation_service.proto',
      'stowken/v1/maintenance_service.proto',
      'stowken/v1/segment_service.proto',
      'stowken/v1/admin_service.proto',
      'stowken/v1/analytics_service.proto',
      'google/rpc/status.proto',
      'google/rpc/error_details.proto',
    ],
    { includeDirs: [protoRoot], longs: String, enums: String, defaults: true, oneofs: true },
  );
  return loaded;
}

/** Path of an RPC, and its two message types. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly serialize: (request: Request) => Buffer;
  readonly deserialize: (bytes: Buffer) => Response;
}

/** Request and response of a method of the contract. */
interface MethodTypes {
  readonly request: object;
  readonly response: object;
}

type MethodOf<Types> = Types extends MethodTypes ? Method<Types['request'], Types['response']> : never;

export function method<Service extends keyof Methods, Name extends string & keyof Methods[Service]>(
  service: Service,
  name: Name,
): MethodOf<Methods[Service][Name]> {
  const definition = contract()[`stowken.v1.${service}`];
  if (definition === undefined || 'format' in definition || definition[name] === undefined) {
    throw new Error(`the contract has no ${service}.${name}`);
  }
  const { path, requestSerialize, responseDeserialize } = definition[name];
  return {
    path,
    serialize: requestSerialize,
    deserialize: responseDeserialize,
  } as MethodOf<Methods[Service][Name]>;
}

/** Messages of google.rpc, which describe the error of a call. */
interface RpcMessages {
  readonly Status: Status;
  readonly ErrorInfo: ErrorInfo;
}

export function decodeRpc<Name extends keyof RpcMessages>(name: Name, bytes: Buffer): RpcMessages[Name] {
  const definition = contract()[`google.rpc.${name}`] as MessageTypeDefinition<object, RpcMessages[Name]>;
  return definition.deserialize(bytes);
}

/** Messages of the contract that are decoded by themselves. */
interface OwnMessages {
  readonly Conversation: Conversation;
  readonly ItemStatus: ItemStatus;
}

export function decodeOwn<Name extends keyof OwnMessages>(name: Name, bytes: Buffer): OwnMessages[Name] {
  const definition = contract()[`stowken.v1.${name}`] as MessageTypeDefinition<object, OwnMessages[Name]>;
  return definition.deserialize(bytes);
}
