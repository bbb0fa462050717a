import { checkListen } from '../rpc/index.js';
import { examineCallers } from './callers.js';
import { examineTls } from './certificates.js';
import { examineClock } from './clock.js';
import { examineDataFolder } from './data-folder.js';
import { type Examined, type Finding, ok, problem, warning } from './finding.js';
import { examineMachine, thisMachine } from './machine.js';

export type { Examined, Finding } from './finding.js';

export interface Instruments {
  readonly memoryBytes: number;
  readonly nowMs: number;
  /** Makes a vault in a folder that does not exist, and closes it. */
  readonly tryStorage: (folder: string) => Promise<void>;
}

/**
 * Examines the machine for a server with these settings. Changes nothing, but for a vault beside the others
 * that it removes again. A check that fails by itself is a problem, and the others go on.
 */
export async function* diagnose(
  examined: Examined,
  { memoryBytes, nowMs, tryStorage }: Instruments,
): AsyncGenerator<Finding> {
  const checks: Readonly<Record<string, () => Finding[] | Promise<Finding[]>>> = {
    machine: () => examineMachine(thisMachine(memoryBytes), examined),
    'data folder': () => examineDataFolder(examined, tryStorage),
    clock: async () => [await examineClock(examined.dataDir, nowMs)],
    address: async () => [await examineAddress(examined.listen)],
    tls: () => examineTls(examined.tls, nowMs),
    callers: () => examineCallers(examined.access, examined.tls, nowMs),
  };
  for (const [check, run] of Object.entries(checks)) {
    try {
      yield* await run();
    } catch (error) {
      yield problem(check, `it could not be examined: ${(error as Error).message}`, 'mend that first');
    }
  }
}

/** An address in use is no fault beside a server that runs. */
async function examineAddress(listen: string): Promise<Finding> {
  try {
    await checkListen(listen);
    return ok('address', `${listen} is free`);
  } catch (error) {
    const { message, cause } = error as Error & { readonly cause?: NodeJS.ErrnoException };
    if (cause?.code === 'EADDRINUSE')
      return warning(
        'address',
        `somebody listens on ${listen} already`,
        'good if it is this server: stowken health',
      );
    return problem('address', message, 'give an address of this machine to --listen');
  }
}
