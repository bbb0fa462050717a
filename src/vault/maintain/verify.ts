import { limits } from '../../model/index.js';
import type { RepairPhase, RepairReport, StorageBackend } from '../../storage/index.js';
import { unsupported } from '../refusals.js';
import type { VerifyPart } from './types.js';
import { reporting } from './reports.js';

export interface VerifyParts {
  readonly backend: StorageBackend;
  readonly clock: () => number;
}

type Progress = Extract<VerifyPart, { kind: 'progress' }>;

/**
 * Checks every invariant. If asked to, repairs first what can be repaired. Progress that is not taken in time
 * is dropped. Ends early when the signal aborts.
 * @throws StowkenError UNSUPPORTED_BY_STORAGE, WRITES_STOPPED, COMMIT_FAILED for a repair
 */
export async function* verifyVault(
  { backend, clock }: VerifyParts,
  { repair }: { readonly repair: boolean },
  signal: AbortSignal,
): AsyncGenerator<VerifyPart, void, void> {
  const look = repair ? repairing(backend) : checking(backend);
  let records = 0;
  const run = (report: (progress: Progress) => void, stop: AbortSignal) => {
    let phase: RepairPhase = 'checking';
    return look({
      signal: stop,
      onPhase(next) {
        phase = next;
        report({ kind: 'progress', phase, done: 0, total: records });
        // The receiver learns of a phase before that phase holds everything up.
        return new Promise((resolve) => setImmediate(resolve));
      },
      onProgress(done, total) {
        records = total;
        report({ kind: 'progress', phase, done, total });
      },
    });
  };
  const { repaired, remaining }: RepairReport = yield* reporting(run, signal);
  for (const violation of repaired) yield { kind: 'repaired', ...violation };
  for (const violation of remaining) yield { kind: 'violation', ...violation };
  if (backend.mended !== undefined) yield { kind: 'note', subject: 'opening', detail: backend.mended };
  const behind = await clockBehind(backend, clock());
  if (behind !== undefined) {
    yield { kind: 'note', subject: `conversation ${behind.conversationId}`, detail: behind.detail };
  }
  yield { kind: 'summary', records, repaired: repaired.length, violations: remaining.length };
}

type Look = NonNullable<StorageBackend['repair']>;

function repairing(backend: StorageBackend): Look {
  if (!backend.repair) throw unsupported('repair', backend);
  return (options) => backend.repair!(options);
}

function checking(backend: StorageBackend): Look {
  return async (options) => ({ repaired: [], remaining: await backend.check(options) });
}

/** A clock that is behind the times stored in a vault. */
export interface ClockBehind {
  readonly conversationId: string;
  readonly behindMs: number;
  readonly detail: string;
}

/**
 * Compares the clock with the newest conversation. Store times never decrease, or lists by time would miss
 * conversations. So after a clock that ran ahead, new conversations get the time of the last one until the
 * clock has caught up. Undefined if the clock is behind by no more than a bound.
 */
export async function clockBehind(backend: StorageBackend, nowMs: number): Promise<ClockBehind | undefined> {
  const page = await backend.listConversations({
    filter: {},
    order: 'latestStoreFirst',
    limit: 1,
    scanLimit: 1,
  });
  const [newest] = page.conversations;
  const behindMs = newest === undefined ? 0 : newest.storeTimeMs - nowMs;
  if (newest === undefined || behindMs <= limits.clockBehindMsMax) return undefined;
  const until = new Date(newest.storeTimeMs).toISOString();
  return {
    conversationId: newest.id,
    behindMs,
    detail:
      `was stored at ${until} by its time, which is to come: a clock ran ahead, or the server's is behind; until then ` +
      'new conversations get that time too, in the right order',
  };
}
