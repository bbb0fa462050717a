import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';
import protobuf from 'protobufjs';

const require = createRequire(import.meta.url);
const contractFile = require.resolve('#proto/stowken/v1/conversation_service.proto');
const protoFolder = dirname(dirname(dirname(contractFile)));
const contractFiles = [
  contractFile,
  require.resolve('#proto/stowken/v1/maintenance_service.proto'),
  require.resolve('#proto/stowken/v1/segment_service.proto'),
  require.resolve('#proto/stowken/v1/admin_service.proto'),
  require.resolve('#proto/stowken/v1/analytics_service.proto'),
  require.resolve('#proto/google/rpc/status.proto'),
  require.resolve('#proto/google/rpc/error_details.proto'),
];

/** The contract in the form that grpc-js and reflection take. */
const contract = protoLoader.loadSync(contractFiles, { keepCase: true, includeDirs: [protoFolder] });

/** The same contract as message types, to decode and encode by name; fields keep their names. */
const root = new protobuf.Root();
root.resolvePath = (_origin, target) => (contractFiles.includes(target) ? target : join(protoFolder, target));
root.loadSync(contractFiles, { keepCase: true });
root.resolveAll();

export function messageType(name: string): protobuf.Type {
  return root.lookupType(name);
}

/** Message types of a method of the contract. */
export interface MethodTypes {
  readonly request: protobuf.Type;
  readonly response: protobuf.Type;
  readonly responseStream: boolean;
}

/** Returns the types of a method by its path, "/package.Service/Method". */
export function methodTypes(path: string): MethodTypes {
  const [, service = '', name = ''] = path.split('/');
  const method = root.lookupService(service).methods[name]!;
  const { resolvedRequestType, resolvedResponseType, responseStream } = method;
  return {
    request: resolvedRequestType!,
    response: resolvedResponseType!,
    responseStream: responseStream ?? false,
  };
}

/** Full names of the contract's services that the server implements. */
export const serviceNames = Object.keys(contract).filter(
  (name) => name.startsWith('stowken.') && !('format' in (contract[name] ?? {})),
);

const same = (bytes: Buffer): Buffer => bytes;

/** Returns the methods of a service of the contract. */
export function methodsOf(name: string): { readonly path: string; readonly requestStream: boolean }[] {
  return Object.values(contract[name] as protoLoader.ServiceDefinition);
}

const served: ReadonlySet<string> = new Set([
  ...serviceNames.flatMap((name) => methodsOf(name).map(({ path }) => path)),
  '/grpc.health.v1.Health/Check',
  '/grpc.health.v1.Health/Watch',
  '/grpc.health.v1.Health/List',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
]);

/** Methods whose streams stay open as long as their clients like. */
const standing: ReadonlySet<string> = new Set([
  '/grpc.health.v1.Health/Watch',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
]);

export function isStanding(path: string): boolean {
  return standing.has(path);
}

/** True if the server has a method of this path. */
export function isServed(path: string): boolean {
  return served.has(path);
}

/**
 * Defines a service whose methods take and return bytes. Messages are decoded behind grpc-js, where a
 * malformed one can be refused with a reason, and where tokens can stay bytes. `redeem` turns the message
 * that grpc-js passes on into a request.
 */
export function rawService(name: string, redeem: (bytes: Buffer) => unknown): ServiceDefinition {
  const methods = contract[name] as protoLoader.ServiceDefinition;
  return Object.fromEntries(
    Object.entries(methods).map(([method, { path, requestStream, responseStream }]) => [
      method,
      {
        path,
        requestStream,
        responseStream,
        requestSerialize: same,
        requestDeserialize: redeem,
        responseSerialize: same,
        responseDeserialize: same,
      },
    ]),
  );
}
