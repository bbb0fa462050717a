import { limits, StowkenError } from '../model/index.js';
import { FairSlots } from '../queue/index.js';
import { boundsOf, costOf, type CostBounds } from './costs.js';

/** A call that asks to start. */
export interface Applicant {
  /** "/package.Service/Method". */
  readonly path: string;
  /** Id of the client's connection. */
  readonly connection: string;
}

/** Admits costly calls: a limited number at once, and the connections in turn. */
export interface Admission {
  /**
   * Resolves to the function that ends the call. Rejects with OVERLOADED after a while, or with the signal's
   * reason.
   */
  enter(applicant: Applicant, signal: AbortSignal): Promise<() => void>;
}

interface AdmissionOptions {
  readonly waitMsMax?: number;
  /** Number of processes that share the bounds evenly. */
  readonly sharers?: number;
}

/** Creates an admission that counts the calls of this process. */
export function createAdmission(options: AdmissionOptions = {}): Admission {
  const { waitMsMax = limits.costlyCallWaitMs, sharers = 1 } = options;
  const slotsOf = new Map<string, FairSlots<string>>();
  return {
    async enter({ path, connection }, signal) {
      const all = boundsOf[costOf[path]!];
      if (all === undefined) return () => undefined;
      const bounds = {
        countMax: Math.ceil(all.countMax / sharers),
        countPerOwnerMax: Math.ceil(all.countPerOwnerMax / sharers),
      };
      let slots = slotsOf.get(path);
      if (slots === undefined) slotsOf.set(path, (slots = new FairSlots(bounds)));
      const overdue = () =>
        overloaded(path, bounds, { all: slots.count, own: slots.countOf(connection) }, waitMsMax);
      return slots.enter({ owner: connection, signal, wait: { msMax: waitMsMax, overdue } });
    },
  };
}

function overloaded(
  path: string,
  { countMax, countPerOwnerMax }: CostBounds,
  running: { readonly all: number; readonly own: number },
  waitMs: number,
): StowkenError {
  const method = path.slice(path.lastIndexOf('/') + 1);
  return new StowkenError(
    'OVERLOADED',
    `${running.all} calls of ${method} are under way, ${running.own} of them on this connection; the limits are ` +
      `${countMax} and ${countPerOwnerMax}, and there was no room for another within ${waitMs} ms`,
    {
      method,
      running: String(running.all),
      limit: String(countMax),
      connection_limit: String(countPerOwnerMax),
      waited_ms: String(waitMs),
    },
  );
}
