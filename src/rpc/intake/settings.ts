import { limits } from '../../model/index.js';

/** Limits of the resources and the time that clients may take. */
export interface IntakeSettings {
  /** Memory for requests that arrive or are processed. */
  readonly bytesMax: number;
  /** Time that a call waits for memory before it is refused. */
  readonly waitMs: number;
  /** Time without data of a request in progress after which its call ends. */
  readonly requestIdleMs: number;
  /** Time without a call after which a connection is closed. */
  readonly connectionIdleMs: number;
  readonly connectionsMax: number;
}

/** Default settings of a server. */
export const ordinaryIntake: IntakeSettings = {
  bytesMax: 1024 * 1024 * 1024,
  waitMs: limits.intakeWaitMs,
  requestIdleMs: limits.requestIdleDefaultMs,
  connectionIdleMs: limits.connectionIdleDefaultMs,
  connectionsMax: limits.connectionsMax,
};
