import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Client, credentials, Metadata, type CallOptions, type ServiceError } from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';

const require = createRequire(import.meta.url);
const file = (name: string) => require.resolve(`#proto/${name}`);
const protoFolder = dirname(dirname(dirname(file('stowken/v1/conversation.proto'))));

/** The contract as any client loads it, independent of the server's code. */
export const contract = protoLoader.loadSync(
  [
    'stowken/v1/conversation_service.proto',
    'stowken/v1/maintenance_service.proto',
    'stowken/v1/segment_service.proto',
    'stowken/v1/admin_service.proto',
    'stowken/v1/analytics_service.proto',
    'google/rpc/status.proto',
    'google/rpc/error_details.proto',
  ].map(file),
  { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true, includeDirs: [protoFolder] },
);

export type Fields = Record<string, unknown>;

/** A message type of the contract, as proto-loader encodes and decodes it. */
export function message(name: string) {
  return contract[name] as unknown as {
    serialize(fields: Fields): Buffer;
    deserialize(bytes: Buffer): Fields;
  };
}

const services = [
  'ConversationService',
  'MaintenanceService',
  'SegmentService',
  'AdminService',
  'AnalyticsService',
].map((name) => contract[`stowken.v1.${name}`] as protoLoader.ServiceDefinition);

export function method(name: string) {
  const definition = services
    .flatMap((service) => Object.entries(service))
    .find(([key]) => key === name)?.[1];
  if (definition === undefined) throw new Error(`no method ${name}`);
  return definition;
}

/** Facts of a refused call for programs. */
export interface Refusal {
  readonly code: number;
  readonly details: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

export function refusal(error: unknown): Refusal {
  const { code, details, metadata } = error as ServiceError;
  const [bytes] = metadata.get('grpc-status-details-bin');
  const none = { reason: undefined, domain: undefined, metadata: {} };
  if (bytes === undefined) return { code, details, ...none };
  const status = message('google.rpc.Status').deserialize(bytes as Buffer);
  const [detail] = status['details'] as { value: Buffer }[];
  const info = message('google.rpc.ErrorInfo').deserialize(detail!.value);
  if (status['code'] !== code) throw new Error('the status in the details has another code');
  return { code, details, ...(info as unknown as Pick<Refusal, 'reason' | 'domain' | 'metadata'>) };
}

/** Calls methods by name, with messages or with any bytes. */
export class TestClient {
  readonly #client: Client;

  constructor(
    address: string | Client,
    private readonly metadata = new Metadata(),
  ) {
    if (typeof address !== 'string') this.#client = address;
    else
      this.#client = new Client(address, credentials.createInsecure(), {
        'grpc.max_receive_message_length': -1,
        'grpc.use_local_subchannel_pool': 1,
      });
  }

  /** Returns a client on the same connection whose calls have this token. */
  withToken(token: string): TestClient {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${token}`);
    return new TestClient(this.#client, metadata);
  }

  unary(name: string, request: Fields | Buffer, options: CallOptions = {}): Promise<Fields> {
    const { path, responseDeserialize } = method(name);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        (bytes: Buffer) => bytes,
        (bytes) => responseDeserialize(bytes) as Fields,
        encode(name, request),
        this.metadata,
        options,
        (error, response) => (error === null ? resolve(response!) : reject(error)),
      );
    });
  }

  /** Returns the call itself, which yields decoded responses. */
  open(name: string, request: Fields | Buffer, options: CallOptions = {}) {
    const { path, responseDeserialize } = method(name);
    return this.#client.makeServerStreamRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes) => responseDeserialize(bytes) as Fields,
      encode(name, request),
      this.metadata,
      options,
    );
  }

  /** A client stream: the call itself, and its response. */
  upload(name: string, options: CallOptions = {}, metadata = this.metadata) {
    const { path, responseDeserialize } = method(name);
    let done: (response: Fields) => void;
    let fail: (error: Error) => void;
    const response = new Promise<Fields>((resolve, reject) => {
      done = resolve;
      fail = reject;
    });
    response.catch(() => undefined); // The error is thrown where it is awaited.
    const call = this.#client.makeClientStreamRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes) => responseDeserialize(bytes) as Fields,
      metadata,
      options,
      (error, value) => (error === null ? done(value!) : fail(error)),
    );
    const send = (request: Fields | Buffer) => call.write(encode(name, request));
    return { call, response, send };
  }

  /** Sends all of these, and ends the requests. */
  async sendAll(
    name: string,
    requests: readonly (Fields | Buffer)[],
    options: CallOptions = {},
  ): Promise<Fields> {
    const { call, response, send } = this.upload(name, options);
    for (const request of requests) send(request);
    call.end();
    return response;
  }

  async stream(name: string, request: Fields | Buffer, options: CallOptions = {}): Promise<Fields[]> {
    const responses: Fields[] = [];
    for await (const response of this.open(name, request, options)) responses.push(response as Fields);
    return responses;
  }

  /** Returns the refusal of a call; fails if it is not refused. */
  async refused(
    name: string,
    request: Fields | Buffer | readonly (Fields | Buffer)[],
    options: CallOptions = {},
  ): Promise<Refusal> {
    return this.#call(name, request, options).then(() => {
      throw new Error(`${name} was not refused`);
    }, refusal);
  }

  #call(
    name: string,
    request: Fields | Buffer | readonly (Fields | Buffer)[],
    options: CallOptions,
  ): Promise<unknown> {
    if (isList(request)) return this.sendAll(name, request, options);
    return method(name).responseStream
      ? this.stream(name, request, options)
      : this.unary(name, request, options);
  }

  close(): void {
    this.#client.close();
  }
}

function encode(name: string, request: Fields | Buffer): Buffer {
  return Buffer.isBuffer(request) ? request : method(name).requestSerialize(request);
}

function isList(
  request: Fields | Buffer | readonly (Fields | Buffer)[],
): request is readonly (Fields | Buffer)[] {
  return Array.isArray(request);
}
