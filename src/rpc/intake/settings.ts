import { limits } from '../../model/index.js';

/** How much clients may take of a server, and how long they may let it wait. */
export interface IntakeSettings {
  /** Memory for requests that are coming in or worked on. */
  readonly bytesMax: number;
  /** How long a request waits for memory before it is refused. */
  readonly waitMs: number;
  /** How long nothing may come of a request that is under way. */
  readonly requestIdleMs: number;
  /** How long a connection may be without a call. */
  readonly connectionIdleMs: number;
  readonly connectionsMax: number;
}

/** Settings of a server that is told nothing else. */
export const ordinaryIntake: IntakeSettings = {
  bytesMax: 1024 * 1024 * 1024,
  waitMs: limits.intakeWaitMs,
  requestIdleMs: limits.requestIdleDefaultMs,
  connectionIdleMs: limits.connectionIdleDefaultMs,
  connectionsMax: limits.connectionsMax,
};
