import type { Logger } from 'pino';
import type { ServeOptions } from '../cli/index.js';
import { limits } from '../model/index.js';
import {
  connectionsWithinDescriptors,
  type CallerLimits,
  type IntakeSettings,
  type StartedLimits,
} from '../rpc/index.js';
import type { ServerParts } from './parts.js';

/** Returns the intake limits of each serving process. */
export function intakeOf(options: ServeOptions, logger: Logger): IntakeSettings {
  const { intakeBytes, requestIdleMs, connectionIdleMs, workers } = options;
  return {
    bytesMax: Math.floor(intakeBytes / workers),
    waitMs: limits.intakeWaitMs,
    requestIdleMs,
    connectionIdleMs,
    connectionsMax: connectionsWithinDescriptors(logger),
    caller: callerLimits(options),
  };
}

/** Returns the part of the limits of a caller that each serving process has. */
function callerLimits({ caller: { calls, uploads, rate, burst }, workers }: ServeOptions): CallerLimits {
  return {
    callsMax: Math.ceil(calls / workers),
    uploadsMax: Math.ceil(uploads / workers),
    perSecondMax: rate / workers,
    burstMax: Math.ceil(burst / workers),
  };
}

/** Returns the limits that depend on how the server was started. */
export function startedLimits({ options, disk }: ServerParts): StartedLimits {
  const { calls, uploads, rate, burst } = options.caller;
  return {
    diskFreeBytesMin: disk?.floorBytes ?? 0,
    callerCallsMax: calls,
    callerUploadsMax: uploads,
    callerCallsPerSecondMax: rate,
    callerBurstMax: burst,
  };
}
