import { once } from 'node:events';
import { type Admission, type Applicant, costOf, createAdmission } from '../rpc/index.js';
import type { Channel } from './channel.js';
import type { PrimaryHandlers } from './handlers.js';

/**
 * Runs in the process that owns the vault: yields when a worker's call may start, and holds its slot until it
 * is cancelled.
 */
export async function* holdSlot(
  admission: Admission,
  applicant: Applicant,
  signal: AbortSignal,
): AsyncGenerator<'granted', void, void> {
  const end = await admission.enter(applicant, signal);
  try {
    yield 'granted';
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    end();
  }
}

/**
 * Runs in a worker. Calls that read all of the vault count for all workers together; those that read much of
 * it count for this worker's share. The slots of a worker that ends are released with its channel.
 */
export function workerAdmission(primary: Channel<PrimaryHandlers>, workers: number): Admission {
  const own = createAdmission({ sharers: workers });
  return {
    async enter(applicant, signal) {
      if (costOf[applicant.path] !== 'vault') return own.enter(applicant, signal);
      const waiting = new AbortController();
      const leave = (): void => waiting.abort();
      signal.addEventListener('abort', leave, { once: true });
      const slot = primary.stream('slot', applicant, waiting.signal);
      try {
        await slot.next();
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        // A call that has started keeps its slot until it has really ended.
        signal.removeEventListener('abort', leave);
      }
      const end = (): void => void slot.return();
      if (signal.aborted) end();
      signal.throwIfAborted();
      return end;
    },
  };
}
