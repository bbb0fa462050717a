import { limits } from '../../model/index.js';
import { FairSlots } from '../../queue/index.js';

/** The event loop is the process's, and so are these: connections have them in turn. */
const slots = new FairSlots<string>({ countMax: limits.largeRequestsMax });

const nothing = (): void => undefined;

/**
 * Resolves, when a request may be worked on, to what is to be called at its end. Many large ones at once would all end
 * late, and hold up everybody meanwhile: each has its share of every turn of the event loop. So few are worked on at
 * once, the first come first; small ones do not wait.
 * @throws the signal's reason
 */
export async function enterLarge(
  bytes: number,
  connection: () => string,
  signal: AbortSignal,
): Promise<() => void> {
  if (bytes < limits.largeRequestBytesMin) return nothing;
  return slots.enter({ owner: connection(), signal });
}
