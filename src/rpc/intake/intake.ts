import { type Server, status } from '@grpc/grpc-js';
import {
  constants,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Logger } from 'pino';
import { limits, StowkenError } from '../../model/index.js';
import { Arrivals } from './arrivals.js';
import { ByteBudget, type Share } from './budget.js';
import { Callers, type CallPlace } from './callers.js';
import { type Connection, IdleWatch } from './connection.js';
import { Connections } from './connections.js';
import type { Caller, Guard } from '../access/index.js';
import { GovernedStream } from './governed-stream.js';
import { changed, onHttp2Server, type StreamListener, takeStreamListener } from './grpc-js.js';
import { Inflater } from './inflate.js';
import { pushLean } from './push-lean.js';
import { Reclaim } from './reclaim.js';
import { GatheringSlabs } from './slabs.js';
import { refuseStream } from './refusal.js';
import type { IntakeSettings } from './settings.js';
import type { MethodIntake, StreamParts } from './stream-parts.js';
import { Tickets } from './tickets.js';
import { checkTimeout } from './incoming-request.js';
import type { CallRecord, CallWatch } from '../watch/index.js';

/** Figures of an intake, of one moment. */
export interface IntakeFigures {
  /** Calls that have not ended. */
  readonly calls: number;
  readonly connections: number;
  /** Memory of requests that arrive or are processed, and its limit. */
  readonly bytes: number;
  readonly bytesMax: number;
  /** Requests that wait for memory. */
  readonly waiting: number;
}

/** A stream that has arrived. */
interface Arrived {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly connection: Connection;
  readonly deliver: StreamListener;
  /** Undefined until it is handed over. */
  governed: GovernedStream | undefined;
  isUpload: boolean;
  /** Place among the calls of its caller; undefined if it is not known by name who calls. */
  place: CallPlace | undefined;
  /** Undefined if nobody watches calls. */
  readonly record: CallRecord | undefined;
}

/**
 * Stands between Node's HTTP/2 and grpc-js, and enforces the limits of clients. Steps for every stream:
 * 1. It is counted; one too many is refused.
 * 2. A turn of the event loop passes. A stream reset in the packet that opened it never reaches grpc-js.
 * 3. Its headers are checked, and who calls; nothing of the request is kept before that. grpc-js gets it as a
 *    GovernedStream.
 * 4. When it closes, charges that no handler has claimed are returned. A reset costs its connection a token;
 *    without tokens, the connection is closed.
 */
export class Intake {
  readonly tickets = new Tickets();
  readonly budget: ByteBudget;
  readonly #parts: StreamParts;
  readonly connections: Connections;
  readonly #slabs = new GatheringSlabs();
  readonly #idle: IdleWatch;
  readonly #callers: Callers;
  #arrived: Arrived[] = [];
  #streams = 0;
  #attached = 0;
  #fault: Error | undefined;

  constructor(
    settings: IntakeSettings,
    /** Settings by path. A path without settings is left to grpc-js, which refuses it or serves it. */
    private readonly methods: ReadonlyMap<string, MethodIntake>,
    private readonly standing: MethodIntake,
    private readonly guard: Pick<Guard, 'admit' | 'checkServed'>,
    private readonly logger: Logger,
    private readonly watch?: CallWatch,
  ) {
    this.connections = new Connections(settings.connectionsMax, logger);
    this.budget = new ByteBudget(settings.bytesMax, limits.connectionSharePercentMax, settings.waitMs);
    this.#callers = new Callers(settings.caller, this.budget.shareBytesMax);
    const reclaim = new Reclaim(this.budget, this.#slabs);
    this.#idle = new IdleWatch((nowMs) => {
      this.connections.look(nowMs);
      reclaim.look(nowMs);
    });
    this.#parts = {
      budget: this.budget,
      arrivals: new Arrivals({ waitMs: settings.waitMs, turnMs: limits.largeArrivalTurnMs }),
      tickets: this.tickets,
      slabs: this.#slabs,
      inflater: new Inflater(this.#slabs),
      idle: this.#idle,
      requestIdleMs: settings.requestIdleMs,
      refuse: (stream, error) => refuseStream(stream, error, this.logger),
    };
  }

  /** To be called before the server is bound. @throws Error if grpc-js differs from the expected version */
  attachTo(server: Server): void {
    onHttp2Server(server, (http2Server) => {
      try {
        this.#attach(http2Server);
      } catch (error) {
        this.#fault ??= error as Error;
      }
    });
  }

  /**
   * To be called when the server is bound.
   * @throws Error if streams would reach grpc-js without passing here
   */
  assertAttached(): void {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#attached === 0) throw changed('http2Servers');
  }

  stop(): void {
    this.#idle.stop();
  }

  /** Figures of this moment. */
  get figures(): IntakeFigures {
    return {
      calls: this.#streams,
      connections: this.connections.size,
      bytes: this.budget.usedBytes,
      bytesMax: this.budget.bytesMax,
      waiting: this.budget.waiting,
    };
  }

  #attach(http2Server: Http2Server): void {
    const deliver = takeStreamListener(http2Server);
    // Accepting may fail for lack of descriptors; that must not end the server.
    http2Server.on('error', (error) =>
      this.logger.warn({ err: error }, 'a connection could not be accepted'),
    );
    http2Server.on('session', (session) => this.connections.of(session));
    http2Server.on('stream', (stream, headers) => this.#arrive(stream, headers, deliver));
    this.#attached += 1;
  }

  #arrive(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, deliver: StreamListener): void {
    // The end of a stream is reported by 'close'.
    stream.on('error', ignore);
    const { session } = stream;
    if (session === undefined || stream.destroyed || stream.closed) return;
    const connection = this.connections.of(session as ServerHttp2Session);
    if (connection.ending) return;
    stream.push = push;
    this.#streams += 1;
    connection.streams += 1;
    const record = this.watch?.begin(headers[':path']!, headers);
    const arrived: Arrived = {
      stream,
      headers,
      connection,
      deliver,
      governed: undefined,
      isUpload: false,
      place: undefined,
      record,
    };
    stream.on('close', () => this.#closed(arrived));
    if (this.#streams > limits.streamsMax) return this.#refuse(arrived, tooManyStreams());
    if (this.#arrived.length === 0) setImmediate(this.#handOver);
    this.#arrived.push(arrived);
  }

  #refuse({ stream, record }: Arrived, error: unknown): void {
    const code = refuseStream(stream, error, this.logger);
    if (code !== undefined) record?.end(code);
  }

  #closed({ stream, connection, governed, isUpload, place, record }: Arrived): void {
    this.#streams -= 1;
    connection.streams -= 1;
    // Without an effect if it was answered.
    record?.end(status.CANCELLED);
    if (isUpload) connection.uploads -= 1;
    place?.leave();
    governed?.release();
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.connections.wasReset(connection);
  }

  readonly #handOver = (): void => {
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const each of arrived) if (!each.stream.closed && !each.stream.destroyed) this.#begin(each);
  };

  #begin(arrived: Arrived): void {
    const { stream, headers, connection } = arrived;
    const refuse = (error: unknown): void => this.#refuse(arrived, error);
    try {
      const { authorization } = headers;
      const { certificate } = connection;
      const caller = this.guard.admit(headers[':path']!, { authorization, certificate }, connection.peer);
      if (!(caller instanceof Promise)) return this.#admit(arrived, caller);
      // Nothing is read from the stream meanwhile: at most one window of it waits.
      caller
        .then((admitted) => {
          if (!stream.closed && !stream.destroyed) this.#admit(arrived, admitted);
        })
        .catch(refuse);
    } catch (error) {
      refuse(error);
    }
  }

  /** @throws StowkenError if the headers are wrong, the server only reads, or there are too many calls */
  #admit(arrived: Arrived, caller: Caller): void {
    const { stream, headers, connection, deliver, record } = arrived;
    if (record) record.caller = caller;
    const method = this.methods.get(headers[':path']!) ?? this.standing;
    checkTimeout(headers);
    this.guard.checkServed(headers[':path']!);
    const share = this.#place(arrived, caller, method);
    if (method.kind === 'parts') {
      countUpload(connection);
      arrived.isUpload = true;
    }
    const encoding = headers['grpc-encoding'] as string | undefined;
    const facts = { connection, share, caller, method, encoding, record };
    arrived.governed = new GovernedStream(stream, facts, this.#parts);
    // The token is needed no more: what has it cannot leak it.
    delete headers.authorization;
    const { governed } = arrived;
    if (record) record.run(() => deliver(governed, headers));
    else deliver(governed, headers);
  }

  /** Counts the call for its caller. Health and reflection are not counted. */
  #place(arrived: Arrived, caller: Caller, { kind }: MethodIntake): Share {
    const { connection } = arrived;
    if (!caller.isKnown || kind === 'standing') return connection;
    arrived.place = this.#callers.enter(caller.name, connection, kind === 'parts');
    return arrived.place.share;
  }
}

function ignore(): void {
  // See the caller.
}

/** Called by node:http2 for all data of a stream. */
function push(this: ServerHttp2Stream, chunk: unknown, encoding?: BufferEncoding): boolean {
  return pushLean(this, chunk, encoding);
}

function countUpload(connection: Connection): void {
  const limit = limits.uploadsPerConnectionMax;
  if (connection.uploads >= limit) {
    throw new StowkenError(
      'OVERLOADED',
      `${limit} uploads are under way on this connection, and no more are taken`,
      { limit: String(limit) },
    );
  }
  connection.uploads += 1;
}

function tooManyStreams(): StowkenError {
  const limit = limits.streamsMax;
  return new StowkenError('OVERLOADED', `${limit} calls are under way, and no more are taken`, {
    limit: String(limit),
  });
}
