import type { status } from '@grpc/grpc-js';
import type { ServerHttp2Stream } from 'node:http2';
import type { Caller } from '../access/index.js';
import type { CallRecord } from '../watch/index.js';
import type { Arrivals } from './arrivals.js';
import type { ByteBudget, Share } from './budget.js';
import type { Connection, IdleWatch } from './connection.js';
import type { MessageSize, ReaderParts } from './message-reader.js';
import type { Tickets } from './tickets.js';

/** Intake settings of a method. */
export interface MethodIntake extends MessageSize {
  /**
   * "whole": one message; "parts": a stream of messages; "standing": services of others, whose streams may
   * stay silent.
   */
  readonly kind: 'whole' | 'parts' | 'standing';
  /** True if the handler takes the bytes of requests, and no tickets. */
  readonly plain?: boolean;
}

/** Facts of a stream that its headers and its connection give. */
export interface StreamFacts {
  readonly connection: Connection;
  /** Counts what the stream takes from the budget. */
  readonly share: Share;
  readonly caller: Caller;
  readonly method: MethodIntake;
  readonly encoding: string | undefined;
  /** Undefined if nobody watches calls. */
  readonly record: CallRecord | undefined;
}

/** Dependencies shared by all streams of a server. */
export interface StreamParts extends ReaderParts {
  readonly budget: ByteBudget;
  readonly arrivals: Arrivals;
  readonly tickets: Tickets;
  readonly idle: IdleWatch;
  readonly requestIdleMs: number;
  /** Answers a stream with an error and closes it. Returns the status, unless nobody is there any more. */
  readonly refuse: (stream: ServerHttp2Stream, error: unknown) => status | undefined;
}
