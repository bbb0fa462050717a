import type { status } from '@grpc/grpc-js';
import type { Caller } from '../access/index.js';

/** A call that has ended, for those who count or log calls. It has nothing of its content. */
export interface EndedCall {
  /** "/package.Service/Method", as the client sent it. */
  readonly path: string;
  readonly code: status;
  readonly durationMs: number;
  /** Bytes of messages as they came, and as they were sent, with their gRPC heads. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Undefined if it was refused before it was known who calls. */
  readonly caller: Caller | undefined;
}

/** Receives each call once, at its end. Called often: it must be quick, and must not throw. */
export type CallWatcher = (call: EndedCall) => void;
