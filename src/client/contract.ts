import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';

const protoRoot = resolve(
  dirname(createRequire(import.meta.url).resolve('#proto/stowken/v1/conversation.proto')),
  '../..',
);

let loaded: PackageDefinition | undefined;

/** The contract, read from the .proto files on first use. 64-bit numbers are decimal strings, enums are names. */
function contract(): PackageDefinition {
  loaded ??= loadSync(
    [
      'stowken/v1/conversation_service.proto',
      'stowken/v1/maintenance_service.proto',
      'stowken/v1/segment_service.proto',
      'google/rpc/status.proto',
      'google/rpc/error_details.proto',
    ],
    { includeDirs: [protoRoot], longs: String, enums: String, defaults: true, oneofs: true },
  );
  return loaded;
}

/** How one RPC is called: its path and its two message forms. */
export interface Method<Response> {
  readonly path: string;
  readonly serialize: (request: object) => Buffer;
  readonly deserialize: (bytes: Buffer) => Response;
}

export function method<Response>(service: string, name: string): Method<Response> {
  const definition = contract()[`stowken.v1.${service}`];
  if (definition === undefined || 'format' in definition || definition[name] === undefined) {
    throw new Error(`the contract has no ${service}.${name}`);
  }
  const { path, requestSerialize, responseDeserialize } = definition[name];
  return {
    path,
    serialize: requestSerialize,
    deserialize: responseDeserialize as (bytes: Buffer) => Response,
  };
}

/** Decodes a message of google.rpc. */
export function decodeRpc<T>(name: 'Status' | 'ErrorInfo', bytes: Buffer): T {
  const definition = contract()[`google.rpc.${name}`] as MessageTypeDefinition<object, object>;
  return definition.deserialize(bytes) as T;
}
