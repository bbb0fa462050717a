import { limits } from '../../model/index.js';

/** Limits of one caller, on all connections of a process. */
export interface CallerLimits {
  /** Calls under way, streams included. */
  readonly callsMax: number;
  readonly uploadsMax: number;
  /** Calls that may begin in a second, on average, and at once; 0: any number. */
  readonly perSecondMax: number;
  readonly burstMax: number;
}

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
  /** Limits of each caller who is known by name. */
  readonly caller: CallerLimits;
}

/** Default settings of a server. */
export const ordinaryIntake: IntakeSettings = {
  bytesMax: 1024 * 1024 * 1024,
  waitMs: limits.intakeWaitMs,
  requestIdleMs: limits.requestIdleDefaultMs,
  connectionIdleMs: limits.connectionIdleDefaultMs,
  connectionsMax: limits.connectionsMax,
  caller: {
    callsMax: limits.callerCallsDefault,
    uploadsMax: limits.callerUploadsDefault,
    perSecondMax: 0,
    burstMax: 0,
  },
};
