import { Metadata, Server, ServerCredentials, type status, type UntypedHandleCall } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import { resolve } from 'node:path';

const protoRoot = resolve(import.meta.dirname, '../../proto');
const contract = loadSync(
  [
    'stowken/v1/conversation_service.proto',
    'stowken/v1/maintenance_service.proto',
    'stowken/v1/segment_service.proto',
    'stowken/v1/admin_service.proto',
    'stowken/v1/analytics_service.proto',
    'google/rpc/status.proto',
    'google/rpc/error_details.proto',
  ],
  { includeDirs: [protoRoot], longs: String, defaults: true, oneofs: true },
);

export interface FaultServer {
  readonly address: string;
  readonly stop: () => void;
}

/** Starts a server whose handlers misbehave as no real one would. */
export async function startFaultServer(
  handlers: Readonly<Record<string, UntypedHandleCall>>,
  listen = '127.0.0.1:0',
): Promise<FaultServer> {
  const server = new Server();
  for (const service of [
    'ConversationService',
    'MaintenanceService',
    'SegmentService',
    'AnalyticsService',
    'AdminService',
  ]) {
    server.addService(contract[`stowken.v1.${service}`] as ServiceDefinition, handlers);
  }
  const port = await new Promise<number>((resolvePort, reject) => {
    server.bindAsync(listen, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolvePort(bound) : reject(error),
    );
  });
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}

/** Returns a status as a stowken server sends it, with one ErrorInfo. */
export function failure(
  code: status,
  reason: string,
  metadata: Record<string, string> = {},
  domain = 'stowken.dev',
) {
  const value = encode('ErrorInfo', { reason, domain, metadata });
  const details = [{ type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value }];
  const trailers = new Metadata();
  trailers.set('grpc-status-details-bin', encode('Status', { code, message: reason, details }));
  return { code, details: `it failed: ${reason}`, metadata: trailers };
}

function encode(name: string, message: object): Buffer {
  return (contract[`google.rpc.${name}`] as MessageTypeDefinition<object, object>).serialize(message);
}

export const fewRetries = { attemptsMax: 3, backoffMs: 1 };
